use crate::formats::sentry::Sentry;
use crate::{Allow, EnvCarrier, Extraction, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, Trust};
use std::ffi::OsString;
use std::process::Command;
use std::string::{String, ToString};
use std::vec::Vec;

const TRACE: &str = "2f90b30075b9669ae69a7feb163cc8e5";
const HEADER: (&str, &str) = ("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1");
const PARENT: (&str, &str) = ("traceparent", "00-2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-01");
const DSC: &str = "sentry-trace_id=2f90b30075b9669ae69a7feb163cc8e5,sentry-release=a%401";

fn propagator(inject: &str) -> Propagator {
    Propagator::from_names("tracecontext,sentry,baggage", inject).unwrap()
}

/// What a span and a passthrough write as baggage, and what the span omits. Owned contexts write the same.
fn written(extraction: &Extraction<'_>, inject: &str, options: &InjectOptions<'_>) -> (String, String, String) {
    let propagator = propagator(inject);
    let get = |headers: &Pairs| headers.get("baggage").unwrap_or_default().to_owned();
    let span = extraction.new_span(&|| IdBits::random(7));
    let (mut child, mut owned) = (Pairs::new(), Pairs::new());
    let report = propagator.inject(&span, options, &mut child).to_string();
    propagator.inject(&OwnedContext::from_span(extraction, &span), options, &mut owned);
    assert_eq!(child, owned);
    let (mut passed, mut owned) = (Pairs::new(), Pairs::new());
    propagator.inject(extraction.passthrough(), options, &mut passed);
    propagator.inject(&OwnedContext::from_passthrough(extraction), options, &mut owned);
    assert_eq!(passed, owned);
    (get(&child), get(&passed), report)
}

#[test]
fn ok_the_sampling_context_goes_whole_after_the_members_of_others() {
    let propagator = propagator("none");
    let line = std::format!("{DSC},tenant=acme;p,sentry-release=b");
    let request = [HEADER, ("baggage", &*line)];
    let extraction = propagator.extract(&request);
    let all = InjectOptions::everything();
    let (child, passed, report) = written(&extraction, "sentry,baggage", &all);
    assert_eq!((child, passed), (std::format!("tenant=acme;p,{DSC}"), line.clone()));
    assert_eq!(report, "nothing omitted");
    // The order of the list does not matter, and without W3C baggage these members go alone.
    assert_eq!(written(&extraction, "baggage,sentry", &all).0, std::format!("tenant=acme;p,{DSC}"));
    let (child, passed, _) = written(&extraction, "sentry", &all);
    // A passthrough forwards the text of formats that are read.
    assert_eq!((child.as_str(), passed), (DSC, line.clone()));
}

#[test]
fn ok_the_sampling_context_needs_each_key_to_be_allowed() {
    let propagator = propagator("none");
    let line = std::format!("{DSC},tenant=acme");
    let request = [HEADER, ("baggage", &*line)];
    let extraction = propagator.extract(&request);
    let written = |keys: &[&str], inject: &str| {
        let options = InjectOptions::new().allow_baggage(Allow::Only(keys));
        let (child, passed, report) = written(&extraction, inject, &options);
        assert_eq!(child, passed);
        (child, report)
    };
    let (child, report) = written(&["tenant", "sentry-release"], "sentry,baggage");
    assert_eq!((child.as_str(), report.as_str()), ("tenant=acme", "baggage: 2 members omitted (not-allowed)"));
    let (child, _) = written(&["sentry-release", "sentry-trace_id"], "sentry,baggage");
    assert_eq!(child, DSC);
    assert_eq!(written(&[], "sentry"), (String::new(), "baggage: 2 members omitted (not-allowed)".into()));
    // Without sentry in the list they are baggage like any other.
    assert_eq!(written(&["sentry-release"], "baggage").0, "sentry-release=a%401");
}

#[test]
fn ok_the_sampling_context_is_dropped_where_it_does_not_count() {
    let line = std::format!("{DSC},tenant=acme");
    let stale = line.replace("trace_id=2f", "trace_id=ff");
    let all = InjectOptions::everything();
    let propagator = propagator("none");
    let request = [HEADER, ("baggage", &*stale)];
    let extraction = propagator.extract(&request);
    assert!(extraction.sentry().unwrap().sampling_context().is_empty());
    let (child, passed, _) = written(&extraction, "sentry,baggage", &all);
    assert_eq!((child.as_str(), passed.as_str()), ("tenant=acme", "tenant=acme"));
    let request = [HEADER, ("baggage", &*line)];
    for (trust, kept) in [(Trust::Resample, "tenant=acme"), (Trust::Restart, "tenant=acme"), (Trust::Ignore, "")] {
        let extraction = propagator.extract_with_trust(&request, trust);
        let (child, passed, _) = written(&extraction, "sentry,baggage", &all);
        assert_eq!((child.as_str(), passed.as_str()), (kept, kept), "{trust:?}");
        assert!(extraction.sentry().is_none_or(|sentry| sentry.sampling_context().is_empty()));
    }
    // Another trace is continued.
    let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let request = [parent, HEADER, ("baggage", &*line)];
    let extraction = propagator.extract(&request);
    assert_eq!(written(&extraction, "sentry,baggage", &all).0, "tenant=acme");
}

#[test]
fn ok_the_sampling_context_has_the_members_of_sentry_only() {
    let propagator = propagator("none");
    let read = |line: &'static str| {
        let request = [HEADER, ("baggage", line)];
        let members = propagator.extract(&request).sentry().unwrap().sampling_context();
        (std::format!("{members:?}"), members.is_empty())
    };
    assert_eq!(read("sentry-=x,sentryrelease=b,tenant=1,sentry-release=a"), ("[\"release\"]".to_string(), false));
    assert_eq!(read("tenant=1"), ("[]".to_string(), true));
}

#[test]
fn ok_the_sampling_context_needs_a_tie_to_the_trace() {
    let propagator = propagator("none");
    let child = |header: (&'static str, &'static str), line: &'static str| {
        let request = [header, ("baggage", line)];
        written(&propagator.extract(&request), "sentry", &InjectOptions::everything()).0
    };
    assert_eq!(child(HEADER, "sentry-release=a"), "sentry-release=a");
    assert_eq!(child(PARENT, DSC), DSC);
    assert_eq!(child(PARENT, "sentry-release=a"), "");
}

#[test]
fn err_a_sampling_context_with_too_many_members_is_omitted() {
    let propagator = propagator("none");
    let line = std::format!("a=1,b=2,c=3,{DSC}");
    let request = [HEADER, ("baggage", &*line)];
    let extraction = propagator.extract(&request);
    let written = |members: usize| {
        let limits = crate::baggage::BaggageLimits { members, ..crate::baggage::BaggageLimits::W3C };
        let baggage = crate::formats::baggage::W3cBaggage::new().limits(limits);
        let writer = Propagator::builder().extract_none().inject(Sentry::new()).inject(baggage).build().unwrap();
        let mut headers = Pairs::new();
        let span = extraction.new_span(&|| IdBits::random(7));
        let report = writer.inject(&span, &InjectOptions::everything(), &mut headers).to_string();
        (headers.get("baggage").map(String::from), report)
    };
    assert_eq!(written(5), (Some(line.clone()), "nothing omitted".into()));
    assert_eq!(written(4), (Some("a=1,b=2,c=3".into()), "baggage: 2 members omitted (too-many-members)".into()));
}

#[test]
fn err_a_sampling_context_that_does_not_fit_is_omitted() {
    let propagator = propagator("none");
    let long = std::format!("{DSC},sentry-x={},tenant={}", "x".repeat(4000), "y".repeat(4000));
    let request = [HEADER, ("baggage", &*long)];
    let extraction = propagator.extract(&request);
    let (child, ..) = written(&extraction, "sentry,baggage", &InjectOptions::everything());
    assert_eq!(child.len(), long.len());
    let small =
        crate::formats::baggage::W3cBaggage::new().limits(crate::baggage::BaggageLimits { members: 64, bytes: 180 });
    let writer = Propagator::builder().extract_none().inject(Sentry::new()).inject(small).build().unwrap();
    let line = std::format!("tenant={},{DSC}", "y".repeat(120));
    let request = [HEADER, ("baggage", &*line)];
    let extraction = propagator.extract(&request);
    let mut headers = Pairs::new();
    let span = extraction.new_span(&|| IdBits::random(7));
    let report = writer.inject(&span, &InjectOptions::everything(), &mut headers).to_string();
    assert!(headers.get("baggage").unwrap().starts_with("tenant="), "{headers:?}");
    assert!(!headers.get("baggage").unwrap().contains("sentry-"), "{headers:?}");
    assert_eq!(report, "baggage: 3 members omitted (too-long)");
}

#[test]
fn err_a_trace_of_another_organisation_is_continued_in_no_format() {
    let cases: [(Sentry, &[(&str, bool)]); 4] = [
        (Sentry::new(), &[("1", true), ("", true)]),
        (Sentry::new().org_id("1"), &[("1", true), ("2", false), ("", true)]),
        (Sentry::new().org_id("1").strict_trace_continuation(), &[("1", true), ("2", false), ("", false)]),
        (Sentry::new().org_id("").strict_trace_continuation(), &[("1", false), ("", true)]),
    ];
    for (sentry, callers) in cases {
        for list in ["tracecontext,sentry,baggage", "sentry,tracecontext,baggage"] {
            let builder = Propagator::builder().define(sentry).names(list, "none").unwrap();
            let propagator = builder.build().unwrap();
            for (org, continues) in callers {
                let line = if org.is_empty() { DSC.to_owned() } else { std::format!("{DSC},sentry-org_id={org}") };
                let request = [PARENT, HEADER, ("baggage", &*line)];
                let report = propagator.explain(&request);
                assert_eq!(report.extraction().context().is_some(), *continues, "{list} {sentry:?} {org}");
                if !continues {
                    let shown = report.to_string();
                    assert!(shown.starts_with("new trace; ") && shown.contains("(org-mismatch at byte 0)"), "{shown}");
                    let other = std::format!("tracecontext: not continued, trace {TRACE}");
                    assert!(shown.contains(&other) && !shown.contains("used"), "{shown}");
                    let (child, passed, _) =
                        written(report.extraction(), "tracecontext,sentry,baggage", &InjectOptions::everything());
                    assert!(!child.contains("sentry-") && !passed.contains("sentry-"), "{child} {passed}");
                }
            }
        }
    }
}

#[test]
fn ok_a_trace_of_another_request_is_continued_next_to_a_refused_one() {
    let builder = Propagator::builder().define(Sentry::new().org_id("1")).names("sentry,b3", "none").unwrap();
    let propagator = builder.build().unwrap();
    let request =
        [HEADER, ("baggage", "sentry-org_id=2"), ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")];
    assert_eq!(propagator.extract(&request).source_format(), Some("b3"));
}

#[test]
fn ok_the_environment_has_names_of_its_own() {
    let variables = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    };
    let set = variables(&[("SENTRY_TRACE", HEADER.1), ("SENTRY_BAGGAGE", DSC)]);
    let reader = propagator("none");
    let environment = EnvCarrier::from_vars(&reader, set.clone());
    let extraction = reader.extract(&environment);
    assert!(extraction.sentry().unwrap().sampling_context().get("release").is_some());
    let w3c = Propagator::from_names("baggage", "none").unwrap();
    assert!(w3c.extract(&EnvCarrier::from_vars(&w3c, set)).baggage().is_empty());
    // A child gets no stale ones.
    let mut command = Command::new("true");
    command.env("SENTRY_BAGGAGE", "sentry-release=old").env("OTHER", "kept");
    let span = extraction.new_span(&|| IdBits::random(7));
    propagator("sentry").inject(&span, &InjectOptions::everything(), &mut command);
    let get = |name: &str| {
        command.get_envs().find(|(known, _)| *known == name).map(|(_, value)| value.map(|v| v.to_str().unwrap()))
    };
    assert_eq!(get("SENTRY_BAGGAGE"), Some(None));
    assert_eq!((get("BAGGAGE"), get("OTHER")), (Some(Some(DSC)), Some(Some("kept"))));
    assert!(get("SENTRY_TRACE").flatten().is_some_and(|value| value.starts_with(TRACE)));
}
