use super::*;
use crate::carrier::headers::Headers;
use crate::field::{CustomHeader, MAX_CUSTOM_HEADERS};
use crate::format::{FormatFields, InjectContext, MAX_FORMATS, Outcome, Parsed, Writer};
use crate::formats::tracecontext::W3cTraceContext;
use alloc::string::String;
use alloc::vec::Vec;

struct Named(String, Vec<CustomHeader>);

impl Format for Named {
    fn name(&self) -> &str {
        &self.0
    }

    fn fields(&self) -> FormatFields<'_> {
        FormatFields::custom(&self.1)
    }

    fn extract(&self, _: &Headers<'_>) -> Parsed {
        Parsed::new(Outcome::Absent)
    }

    fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
}

#[test]
fn err_a_prefix_of_names_that_http_uses() {
    let with = |prefix: &'static str| Named("acme".into(), alloc::vec![CustomHeader::from_static(prefix).prefix()]);
    let error = |list, prefix: &'static str, purpose| ConfigError::InvalidHeaderName {
        variable: None,
        list,
        name: ConfigWord::new(prefix),
        source: InvalidHeaderName::ReservedInHttp { purpose },
    };
    let content = "content and its caching";
    let written = err(Propagator::builder().extract_none().inject(with("content-")));
    assert_eq!(written, error(ConfigList::Inject, "content-", content));
    let read = err(Propagator::builder().inject_none().extract(with("auth")));
    assert_eq!(read, error(ConfigList::Extract, "auth", "credentials"));
    assert!(Propagator::builder().inject_none().extract(with("acmectx-")).build().is_ok());
}

fn named(n: usize) -> Named {
    Named(alloc::format!("f{n}"), alloc::vec![CustomHeader::new(&alloc::format!("x-{n}")).unwrap()])
}

#[track_caller]
fn err(builder: PropagatorBuilder) -> ConfigError {
    builder.build().unwrap_err()
}

#[test]
fn err_build_invalid_configuration() {
    let both = || Propagator::builder().with_format(W3cTraceContext::new());
    let empty = |list| ConfigError::NoFormats { variable: None, list, value: ConfigWord::EMPTY };
    assert_eq!(err(Propagator::builder()), empty(ConfigList::Extract));
    assert_eq!(err(Propagator::builder().extract(W3cTraceContext::new())), empty(ConfigList::Inject));
    let (list, name) = (ConfigList::Extract, ConfigWord::new("tracecontext"));
    assert_eq!(err(both().with_format(W3cTraceContext::new())), ConfigError::DuplicateFormat { list, name });
    assert_eq!(err(both().extract_first()), ConfigError::ExtractFirstNeedsTwo);
    let none = Propagator::builder().extract_none().inject_none();
    assert_eq!(err(none.clone().trust(Trust::Restart)), ConfigError::TrustWithoutExtract);
    assert!(none.build().is_ok());
}

#[test]
fn err_a_custom_format_with_a_name_that_is_taken() {
    let called = |name: &str| Propagator::builder().with_format(Named(name.into(), alloc::vec![]));
    for (name, taken) in
        [("B3", "b3"), ("b3multi", "b3"), ("Jaeger", "jaeger"), ("correlation:x", "correlation:HEADER")]
    {
        assert_eq!(err(called(name)), ConfigError::NameTaken { name: taken });
    }
    assert!(called("b4").build().is_ok() && called("correlation").build().is_ok());
}

#[test]
fn ok_a_name_in_a_list_means_the_defined_format() {
    let acme = || Named("Acme".into(), alloc::vec![CustomHeader::from_static("x-acme")]);
    let builder = Propagator::builder().define(acme()).define(W3cTraceContext::new().allow_multiple_traceparent());
    let propagator = builder.clone().names("acme,tracecontext", "ACME,b3").unwrap().build().unwrap();
    assert!(propagator.extract_names().eq(["Acme", "tracecontext"]));
    assert!(propagator.inject_names().eq(["Acme", "b3"]));
    let twice = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01"),
    ];
    assert_eq!(propagator.extract(&twice).source_format(), Some("tracecontext"));
    // `all` means the defined instance of a built-in format, but no custom format.
    let all = builder.names("all", "none").unwrap().build().unwrap();
    assert_eq!(all.extract(&twice).source_format(), Some("tracecontext"));
    assert!(all.extract_names().all(|name| name != "Acme"));
    // The later definition counts.
    let plain = W3cTraceContext::new;
    let last = Propagator::builder().define(plain().allow_multiple_traceparent()).define(plain());
    let last = last.names("tracecontext", "none").unwrap().build().unwrap();
    assert_eq!(last.extract(&twice).source_format(), None);
}

#[test]
fn err_define_a_custom_format_with_a_name_that_is_taken() {
    let taken = |names| {
        let builder = Propagator::builder().define(Named("Jaeger".into(), alloc::vec![]));
        err(builder.names(names, "none").unwrap())
    };
    assert_eq!([taken("b3"), taken("jaeger")], [const { ConfigError::NameTaken { name: "jaeger" } }; 2]);
}

/// Reads and writes B3 under a name of its own.
struct Wrapper(crate::formats::b3::B3);

impl Format for Wrapper {
    fn name(&self) -> &str {
        "acme-b3"
    }

    fn fields(&self) -> FormatFields<'_> {
        self.0.fields()
    }

    fn extract(&self, headers: &Headers<'_>) -> Parsed {
        self.0.extract(headers)
    }

    fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
        self.0.inject(context, writer);
    }
}

#[test]
fn ok_a_wrapper_is_not_another_encoding_of_what_it_wraps() {
    let b3 = crate::formats::b3::B3::single;
    let builder = Propagator::builder().extract(Wrapper(b3())).extract(b3()).extract(crate::formats::b3::B3::multi());
    let propagator = builder.inject_none().build().unwrap();
    assert!(propagator.extract_names().eq(["acme-b3", "b3"]));
}

#[test]
fn ok_a_header_that_no_format_reads_may_be_custom_and_is_shown_by_its_name() {
    let propagator = Propagator::from_names("correlation:X-Trace,correlation:x-order", "none").unwrap();
    let request = [("x-trace", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"), ("X-Order", "7")];
    assert_eq!(propagator.extract(&request).source_format(), Some("correlation:x-trace"));
    let shown = alloc::format!("{}", propagator.explain(&request));
    assert!(shown.ends_with("correlation:x-order: invalid x-order (bad-length, ends at byte 1)"), "{shown}");
    assert!(Propagator::from_names("correlation:uber-trace-id", "none").is_err());
}

#[test]
fn ok_a_custom_header_with_the_name_of_an_unread_field_is_written_as_custom() {
    let names = "correlation:X-Trace,correlation:x-dynatrace";
    let propagator = Propagator::from_names(names, names).unwrap();
    let request = [("X-Trace", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"), ("X-Dynatrace", "7")];
    let extraction = propagator.extract(&request);
    let mut headers = alloc::vec::Vec::<(alloc::string::String, alloc::string::String)>::new();
    let options = crate::InjectOptions::new().allow_correlation(crate::Allow::Only(&["x-trace"]));
    let report = propagator.inject(extraction.passthrough(), &options, &mut headers);
    assert_eq!(alloc::format!("{report}"), "x-dynatrace: omitted (not-allowed)");
    assert!(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .eq([request[0]].map(|(_, value)| ("x-trace", value)))
    );
}

#[test]
fn ok_all_fits_with_eight_custom_headers() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| alloc::format!("correlation:x-{name}"));
    let list = alloc::format!("all,{}", names.join(","));
    let builder = Propagator::builder().define(crate::formats::sw8::Sw8::new("cart", "cart-1"));
    assert!(builder.names(&list, &list).unwrap().build().is_ok());
}

#[test]
fn err_build_more_formats_or_names_than_there_is_room_for() {
    let with = |n: usize| (0..n).fold(Propagator::builder().inject_none(), |b, i| b.extract(named(i)));
    assert!(with(MAX_CUSTOM_HEADERS).build().is_ok());
    assert_eq!(err(with(MAX_CUSTOM_HEADERS + 1)), ConfigError::TooManyCustomHeaders);
    assert_eq!(err(with(MAX_FORMATS + 1)), ConfigError::TooManyFormats);
}

#[test]
fn err_one_format_too_many_however_it_is_added() {
    let leaked = |n: usize| -> &'static dyn Format { alloc::boxed::Box::leak(alloc::boxed::Box::new(named(n))) };
    let full_of_readers = || (0..MAX_FORMATS).fold(Propagator::builder(), |b, i| b.extract(named(i)));
    let full_of_writers = || (0..MAX_FORMATS).fold(Propagator::builder(), |b, i| b.inject(named(i)));
    for builder in [
        full_of_readers().extract(leaked(MAX_FORMATS)),
        full_of_readers().with_format(named(MAX_FORMATS)),
        full_of_writers().inject(leaked(MAX_FORMATS)),
        full_of_writers().inject(named(MAX_FORMATS)),
        full_of_writers().with_format(named(MAX_FORMATS)),
    ] {
        assert_eq!(err(builder.clone()), ConfigError::TooManyFormats);
        // A later format that fits does not correct it.
        let later =
            builder.extract(W3cTraceContext::new()).inject(W3cTraceContext::new()).with_format(W3cTraceContext::new());
        assert_eq!(err(later), ConfigError::TooManyFormats);
    }
}

#[test]
fn ok_debug_names_the_formats() {
    let builder = Propagator::builder().extract(W3cTraceContext::new()).inject(named(7));
    let shown = r#"{ extract: ["tracecontext"], inject: ["f7"], options: "#;
    assert!(alloc::format!("{builder:?}").starts_with(&alloc::format!("PropagatorBuilder {shown}")));
    assert!(alloc::format!("{:?}", builder.build().unwrap()).starts_with(&alloc::format!("Propagator {shown}")));
    assert!(
        alloc::format!("{:?}", crate::propagator::presets::W3C)
            .starts_with("PropagatorBuilder { extract: [\"tracecontext\", \"baggage\"]")
    );
}

#[test]
fn ok_fields_lists_the_headers_that_may_be_written() {
    let propagator = Propagator::builder()
        .with_format(W3cTraceContext::new())
        .with_format(named(7))
        .with_format(crate::formats::baggage::W3cBaggage::new())
        .build()
        .unwrap();
    let fields: Vec<_> = propagator.inject_fields().collect();
    assert_eq!(fields, ["traceparent", "tracestate", "x-7", "baggage"]);
}
