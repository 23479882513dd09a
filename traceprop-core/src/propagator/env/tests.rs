use std::string::ToString;

use super::*;
use crate::field::InAll;

/// What is read, what is written, and the warnings.
type Built = (Vec<String>, Vec<String>, Vec<EnvWarning>);

fn built(set: &[(&str, &str)]) -> Result<Built, ConfigError> {
    let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value));
    let (builder, warnings) = PropagatorBuilder::from_env_with(find)?;
    let propagator = builder.build()?;
    let names = |names: &mut dyn Iterator<Item = &str>| names.map(String::from).collect();
    Ok((names(&mut propagator.extract_names()), names(&mut propagator.inject_names()), warnings))
}

#[test]
fn ok_the_most_specific_variable_is_used() {
    let (extract, inject, _) = built(&[
        ("OTEL_PROPAGATORS", "jaeger"),
        ("DD_TRACE_PROPAGATION_STYLE", "datadog"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3multi, tracecontext"),
    ])
    .unwrap();
    assert_eq!(extract, ["b3multi", "tracecontext"]);
    assert_eq!(inject, ["datadog"]);
}

#[test]
fn ok_empty_is_unset_and_the_default_reads_all() {
    let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", " ")]).unwrap();
    let all = ROWS.iter().filter(|row| row.in_all != InAll::No).map(|row| row.names[0]);
    assert!(all.eq(extract.iter().map(String::as_str)), "{extract:?}");
    assert_eq!(inject, ["tracecontext", "baggage"]);
    assert_eq!(warnings, []);
}

#[test]
fn ok_unknown_names_are_ignored_with_a_warning() {
    let (extract, _, warnings) = built(&[("OTEL_PROPAGATORS", "haystack,B3 single header,haystack")]).unwrap();
    assert_eq!(extract, ["b3"]);
    assert_eq!(warnings, [EnvWarning::new("OTEL_PROPAGATORS", "haystack", UNKNOWN)]);
    let expected =
        "OTEL_PROPAGATORS: ignoring unknown format `haystack`; known are tracecontext, b3, b3multi, datadog, ";
    assert!(std::format!("{}", warnings[0]).starts_with(expected), "{}", warnings[0]);
}

#[cfg(unix)]
#[test]
fn err_a_variable_that_is_not_utf8() {
    use std::os::unix::ffi::OsStringExt;

    let built = |set: &[(&str, &[u8])]| {
        let find = |name: &str| {
            let value = set.iter().find(|(known, _)| *known == name)?.1;
            Some(OsString::from_vec(value.to_vec()))
        };
        let (builder, _) = PropagatorBuilder::from_env_with(find)?;
        builder.build().map(|propagator| propagator.extract_names().map(String::from).collect::<Vec<_>>())
    };
    for variable in EXTRACT.into_iter().chain(INJECT) {
        for value in [&b"datadog\xff"[..], b"\xff", b"datadog,\xc3", b" \xff "] {
            assert_eq!(built(&[(variable, value)]), Err(ConfigError::NotUtf8 { variable }), "{variable}");
        }
    }
    let message = std::format!("{}", ConfigError::NotUtf8 { variable: EXTRACT[0] });
    assert_eq!(message, "DD_TRACE_PROPAGATION_STYLE_EXTRACT: the value is not UTF-8");
    // A variable that is not used is not looked at, and an empty one counts as unset.
    let used = [(EXTRACT[0], &b"datadog"[..]), (INJECT[0], b"datadog"), ("OTEL_PROPAGATORS", b"\xff")];
    assert_eq!(built(&used), Ok(std::vec!["datadog".into()]));
    let error = ConfigError::NotUtf8 { variable: "OTEL_PROPAGATORS" };
    assert_eq!(built(&[(EXTRACT[0], b" "), ("OTEL_PROPAGATORS", b"b3\xff")]), Err(error));
    assert_eq!(built(&[("DD_TRACE_PROPAGATION_STYLE", "b3".as_bytes())]), Ok(std::vec!["b3".into()]));
}

/// Runs itself again as a process with such a variable.
#[cfg(unix)]
#[test]
fn err_from_env_with_a_variable_that_is_not_utf8() {
    use std::os::unix::ffi::OsStringExt;

    const NAME: &str = "propagator::env::tests::err_from_env_with_a_variable_that_is_not_utf8";
    if std::env::var_os(EXTRACT[0]).is_some() {
        let error = Propagator::from_env().unwrap_err();
        assert_eq!(error, ConfigError::NotUtf8 { variable: EXTRACT[0] });
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", NAME]).env(EXTRACT[0], OsString::from_vec(std::vec![b'b', b'3', 0xff]));
    let output = child.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
}

#[test]
fn ok_a_variable_means_a_defined_format() {
    static SW8: crate::formats::sw8::Sw8 = crate::formats::sw8::Sw8::new("cart", "cart-1");
    let find = |name: &str| (name == "OTEL_PROPAGATORS").then(|| String::from("sw8,SW8"));
    let (builder, warnings) = Propagator::builder().define(&SW8).names_from_env_with(find).unwrap();
    assert!(warnings.is_empty() && builder.build().unwrap().inject_names().eq(["sw8"]));
}

#[test]
fn ok_one_way_names_are_only_read() {
    for name in ["oneway-gcp", "CloudTrace-OneWay"] {
        let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", &std::format!("{name},b3multi"))]).unwrap();
        assert_eq!(
            (extract, inject),
            (["cloudtrace", "b3multi"].map(str::to_owned).to_vec(), ["b3multi".to_owned()].to_vec())
        );
        assert_eq!(warnings, []);
        let variable = "DD_TRACE_PROPAGATION_STYLE_INJECT";
        let (_, inject, warnings) = built(&[(variable, &std::format!("{name},b3multi"))]).unwrap();
        assert_eq!(inject, ["b3multi"]);
        assert_eq!(warnings, [EnvWarning::new(variable, name, READ_ONLY)]);
    }
    let (extract, inject, _) = built(&[("OTEL_PROPAGATORS", "gcp_trace,gcp")]).unwrap();
    assert_eq!((extract, inject), (["cloudtrace".to_owned()].to_vec(), ["cloudtrace".to_owned()].to_vec()));
}

#[test]
fn ok_a_list_of_opentelemetry_without_a_known_name_is_the_default() {
    let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", "haystack,b4")]).unwrap();
    let messages: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(messages, ["OTEL_PROPAGATORS: no known format in `haystack,b4`; using the default"]);
    assert!(extract.len() > 6 && inject == ["tracecontext", "baggage"]);
    // A name that is only read is known.
    let (extract, inject, warnings) = built(&[("OTEL_PROPAGATORS", "newrelic")]).unwrap();
    assert_eq!((extract, warnings), (["newrelic".to_owned()].to_vec(), Vec::new()));
    assert_eq!(inject, ["tracecontext", "baggage"]);
}

#[test]
fn err_a_list_of_datadog_without_a_known_name() {
    let (variable, list) = (Some("DD_TRACE_PROPAGATION_STYLE"), ConfigList::Extract);
    let error = ConfigError::NoFormats { variable, list, value: ConfigWord::new("haystack") };
    assert_eq!(built(&[("DD_TRACE_PROPAGATION_STYLE", "haystack")]), Err(error));
}

/// Returns the propagator and the texts of the warnings.
fn from(set: &[(&str, &str)]) -> Result<(Propagator, Vec<String>), ConfigError> {
    let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value));
    let (builder, warnings) = PropagatorBuilder::from_env_with(find)?;
    Ok((builder.build()?, warnings.iter().map(ToString::to_string).collect()))
}

#[test]
fn ok_the_trust_of_datadog() {
    for (value, trust) in [("continue", Trust::Continue), (" Restart ", Trust::Restart), ("ignore", Trust::Ignore)] {
        let (propagator, warnings) = from(&[(TRUST, value)]).unwrap();
        assert_eq!((propagator.trust(), warnings), (trust, Vec::new()), "{value}");
        // What code has set is not loosened.
        let find = |name: &str| (name == TRUST).then(|| String::from(value));
        let (builder, _) = Propagator::builder().trust(Trust::Restart).names_from_env_with(find).unwrap();
        assert_eq!(builder.build().unwrap().trust(), trust.max(Trust::Restart));
    }
    let error = from(&[(TRUST, "resample")]).unwrap_err();
    assert_eq!(error, ConfigError::UnknownTrust { variable: TRUST, value: ConfigWord::new("resample") });
    let expected =
        "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT: unknown value `resample`; expected continue, restart or ignore";
    assert_eq!(error.to_string(), expected);
    // If nothing is read, the setting has no effect and is not an error.
    assert!(from(&[(TRUST, "restart"), (EXTRACT[0], "none")]).is_ok());
}

#[test]
fn ok_extract_first_of_datadog() {
    let request = [
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    for (value, links, warned) in [("true", 0, 0), ("1", 0, 0), ("FALSE", 1, 0), ("0", 1, 0), ("yes", 1, 1)] {
        let (propagator, warnings) = from(&[(EXTRACT_FIRST, value), (EXTRACT[0], "datadog,tracecontext")]).unwrap();
        assert_eq!((propagator.extract(&request).links().count(), warnings.len()), (links, warned), "{value}");
    }
    // A single format is first in any case.
    assert!(from(&[(EXTRACT_FIRST, "true"), (EXTRACT[0], "datadog,baggage")]).is_ok());
}

#[test]
fn ok_limits_of_datadog() {
    let request = [
        ("x-datadog-trace-id", "11803532876627986230"),
        ("x-datadog-parent-id", "67667974448284343"),
        ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.a=b"),
        ("baggage", "a=1,b=2,c=3"),
    ];
    let written = |set: &[(&str, &str)]| {
        let names = [("DD_TRACE_PROPAGATION_STYLE", "datadog,baggage")];
        let (propagator, warnings) = from(&[&names[..], set].concat()).unwrap();
        let extraction = propagator.extract(&request);
        let mut headers = crate::carrier::Pairs::new();
        propagator.inject(extraction.passthrough(), &crate::InjectOptions::everything(), &mut headers);
        let mut fresh = crate::carrier::Pairs::new();
        let span = extraction.span_with_ids(extraction.context().unwrap().trace_id, crate::SpanId::MIN);
        propagator.inject(&span, &crate::InjectOptions::everything(), &mut fresh);
        let tags = fresh.get("x-datadog-tags").map(String::from);
        (extraction.baggage().len(), tags, warnings)
    };
    let tags = Some("_dd.p.dm=-4,_dd.p.a=b".to_owned());
    assert_eq!(written(&[]), (3, tags.clone(), Vec::new()));
    assert_eq!(written(&[(MAX_TAGS_LEN, "21")]), (3, tags.clone(), Vec::new()));
    assert_eq!(written(&[(MAX_TAGS_LEN, "20")]), (3, None, Vec::new()));
    assert_eq!(written(&[(MAX_TAGS_LEN, "0")]), (3, None, Vec::new()));
    assert_eq!(written(&[(MAX_MEMBERS, "2")]), (2, tags.clone(), Vec::new()));
    assert_eq!(written(&[(MAX_BYTES, "7")]), (2, tags.clone(), Vec::new()));
    let warning = ["DD_TRACE_BAGGAGE_MAX_ITEMS: ignoring `-1`; expected a number".to_owned()].to_vec();
    assert_eq!(written(&[(MAX_MEMBERS, "-1")]), (3, tags, warning));
    // Settings of code are kept.
    let find = |name: &str| [MAX_TAGS_LEN, MAX_MEMBERS].contains(&name).then(|| String::from("0"));
    let limits = BaggageLimits { members: 1, ..BaggageLimits::default() };
    let builder = Propagator::builder().define(W3cBaggage::new().limits(limits)).define(Datadog::new());
    let propagator = builder.names_from_env_with(find).unwrap().0.build().unwrap();
    assert_eq!(propagator.extract(&request).baggage().len(), 1);
}

#[test]
fn ok_unsupported_variables_are_warned_of() {
    let warnings = |set: &[(&str, &str)]| from(set).unwrap().1;
    for variable in UNSUPPORTED {
        assert_eq!(warnings(&[(variable, "user.id")]), [std::format!("{variable}: not supported, ignored")]);
        assert!(warnings(&[(variable, " ")]).is_empty());
    }
    let width = "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED";
    let expected = "`false` is a setting of the id generator; see `RandomIds::from_env`";
    assert_eq!(warnings(&[(width, "false")]), [std::format!("{width}: {expected}")]);
}

#[test]
fn ok_b3_in_a_list_of_datadog_is_warned_of_where_it_is_written() {
    let single = "writes the single header; name `b3 single header` or `b3multi`";
    for (variable, name, warned) in [
        ("DD_TRACE_PROPAGATION_STYLE", "b3", true),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "B3", true),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3", false),
        ("DD_TRACE_PROPAGATION_STYLE", "b3 single header", false),
        ("DD_TRACE_PROPAGATION_STYLE", "B3single", false),
        ("DD_TRACE_PROPAGATION_STYLE", "b3multi", false),
        ("OTEL_PROPAGATORS", "b3", false),
    ] {
        let expected = warned.then(|| std::format!("{variable}: `{name}` {single}"));
        let (propagator, warnings) = from(&[(variable, name)]).unwrap();
        assert_eq!(warnings, Vec::from_iter(expected), "{variable} {name}");
        if !variable.ends_with("EXTRACT") {
            let encoding = if name == "b3multi" { "b3multi" } else { "b3" };
            assert!(propagator.inject_names().eq([encoding]), "{name}");
        }
    }
}

#[test]
fn err_a_header_name_that_is_invalid() {
    let (variable, list) = (Some("OTEL_PROPAGATORS"), ConfigList::Extract);
    let name = ConfigWord::new("correlation:x id");
    let source = crate::field::InvalidHeaderName::BadByte(1);
    let error = ConfigError::InvalidHeaderName { variable, list, name, source };
    assert_eq!(built(&[("OTEL_PROPAGATORS", "correlation:x id")]), Err(error));
}
