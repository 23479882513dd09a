//! Writing of the format that supplied the context: which formats of the inject list one injection writes.

use super::{Propagator, PropagatorBuilder};
use crate::carrier::Headers;
use crate::field::{FormatKind, FormatSet};
use crate::format::{Format, FormatRef, InjectSource, Outcome, Parsed, Places};

/// How an injection chooses from the inject list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByReceived {
    /// The formats that every injection writes.
    always: Places,
    /// The place of the format for contexts that no format supplied.
    default: usize,
}

impl PropagatorBuilder {
    /// Adds to the inject list what may be written because it was received.
    ///
    /// Returns `None` if the list is full.
    pub(super) fn add_received(&mut self, default: FormatRef) -> Option<ByReceived> {
        let mut always = self.inject.formats.iter().enumerate().fold(Places::NONE, |places, (at, _)| places.with(at));
        let default = self.inject.formats.place_or_push(default)?;
        for (format, kind) in self.extract.formats.refs() {
            if format.get().check_inject().is_err() {
                // The built-in instance of sw8 has no service to name: where it supplied the context, the default is written.
                continue;
            }
            let place = self.inject.formats.place_or_push(format.clone())?;
            if is_text(kind) {
                always = always.with(place);
            }
            for encoding in encodings(format.get(), kind) {
                self.inject.formats.place_or_push(FormatRef::from_static(encoding))?;
            }
        }
        Some(ByReceived { always, default })
    }
}

/// Whether formats of this kind have text of a request, and no span.
fn is_text(kind: FormatKind) -> bool {
    kind.is_text_alone() || kind.has_only_custom_headers()
}

/// Returns the formats that write the other encodings of a built-in format.
fn encodings(format: &dyn Format, kind: FormatKind) -> impl Iterator<Item = &'static dyn Format> {
    let row = kind.row().filter(|row| row.is_named(format.name()));
    let preserve = format.fields().preserve;
    let names = row.into_iter().flat_map(|row| row.names);
    names.filter_map(move |name| preserve?.encoding(name))
}

impl Propagator {
    /// Returns the places of the formats that are written, and their kinds.
    #[cold]
    pub(super) fn choose(
        &self,
        choice: &ByReceived,
        source: &InjectSource<'_>,
        headers: &Headers<'_>,
    ) -> (Places, FormatSet) {
        let received = self.supplier(source, headers).and_then(|(name, kind)| self.inject.place_of(name, kind));
        let places = choice.always.with(received.unwrap_or(choice.default));
        let written = self.inject.kinds().enumerate().filter(|(place, _)| places.contains(*place));
        (places, written.fold(FormatSet::EMPTY, |set, (_, (_, kind))| set.with(kind)))
    }

    /// Returns name and kind of the format that supplied the context.
    ///
    /// A context knows the kind only. Which of several formats of one kind it was, and in which encoding, its lines tell.
    fn supplier(&self, source: &InjectSource<'_>, headers: &Headers<'_>) -> Option<(&str, FormatKind)> {
        let kind = source.received.primary;
        // Correlation ids name a trace, but no span.
        if kind.is_some_and(is_text) || (kind.is_none() && source.trace_id.is_some()) {
            return None;
        }
        let is_supplier = |parsed: &Parsed| match (parsed.outcome(), source.trace_id) {
            (Outcome::Context(context), Some(id)) => self.options.id_match.is_same(context.trace_id, id),
            (Outcome::SamplingOnly(sampling), None) => sampling == source.sampling,
            _ => false,
        };
        let of_kind = || self.extract.kinds().filter(move |(_, other)| kind.is_none_or(|kind| kind == *other));
        let parsed = of_kind().map(|(format, kind)| (format, kind, format.extract(headers)));
        let found = parsed.into_iter().find(|(.., parsed)| is_supplier(parsed)).map(|(format, kind, parsed)| {
            let is_built_in = kind.row().is_some_and(|row| row.is_named(format.name()));
            (parsed.encoding().filter(|_| is_built_in).unwrap_or(format.name()), kind)
        });
        // What code supplied can be in no line.
        found.or_else(|| of_kind().next().filter(|_| kind.is_some()).map(|(format, kind)| (format.name(), kind)))
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use crate::carrier::Pairs;
    use crate::carrier::headers::Headers;
    use crate::context::RemoteContext;
    use crate::context::inject_options::InjectOptions;
    use crate::field::CustomHeader;
    use crate::format::{Format, FormatFields, InjectContext, Parsed, Writer};
    use crate::formats::b3::B3;
    use crate::formats::correlation::Correlation;
    use crate::formats::tracecontext::W3cTraceContext;
    use crate::id::TraceId;
    use crate::id::generator::IdBits;
    use crate::owned::OwnedContext;
    use crate::propagator::{ConfigError, Propagator, PropagatorBuilder};
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// A trace id in a header of its own.
    struct Plain([CustomHeader; 1]);

    fn plain(name: &'static str) -> Plain {
        Plain([CustomHeader::from_static(name)])
    }

    impl Format for Plain {
        fn name(&self) -> &str {
            self.0[0].as_str()
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::custom(&self.0)
        }

        fn extract(&self, headers: &Headers<'_>) -> Parsed {
            match headers.get_custom(&self.0[0]).and_then(|value| TraceId::from_hex(value).ok()) {
                Some(id) => Parsed::context(RemoteContext::new(id, None)),
                None => Parsed::absent(),
            }
        }

        fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
            if let Some(id) = context.trace_id() {
                writer.write_custom(&self.0[0], id);
            }
        }
    }

    /// The names that a span and an owned context write for a request.
    #[track_caller]
    fn written(propagator: &Propagator, request: &[(&str, &str)], options: &InjectOptions<'_>) -> Vec<String> {
        let extraction = propagator.extract(&request);
        let span = extraction.new_span(&|| IdBits::random(7));
        let names = |source: crate::format::InjectSource<'_>| {
            let mut headers = Pairs::new();
            propagator.inject(source, options, &mut headers);
            headers.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        let borrowed = names((&span).into());
        assert_eq!(borrowed, names((&OwnedContext::from_span(&extraction, &span)).into()));
        borrowed
    }

    fn build(builder: PropagatorBuilder) -> Propagator {
        builder.inject_received(W3cTraceContext::new()).build().unwrap()
    }

    #[test]
    fn ok_custom_formats_are_told_apart() {
        let reading = Propagator::builder().extract(plain("x-one")).extract(plain("x-two")).extract(B3::single());
        let propagator = build(reading);
        let options = InjectOptions::new();
        let sent = |request: &[(&str, &str)]| written(&propagator, request, &options);
        assert_eq!(sent(&[("x-one", TRACE)]), ["x-one"]);
        assert_eq!(sent(&[("x-two", TRACE)]), ["x-two"]);
        // The second supplies the context, and the first names another trace.
        assert_eq!(sent(&[("x-one", "no id"), ("x-two", TRACE)]), ["x-two"]);
        assert_eq!(sent(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", "00f067aa0ba902b7")])[0], "x-b3-traceid");
        assert_eq!(sent(&[]), ["traceparent"]);
    }

    #[test]
    fn ok_formats_of_the_inject_list_are_written_in_addition() {
        let propagator = build(Propagator::builder().names("b3,jaeger", "jaeger").unwrap());
        let sent = |request: &[(&str, &str)]| written(&propagator, request, &InjectOptions::new());
        assert_eq!(sent(&[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")]), ["uber-trace-id", "b3"]);
        assert_eq!(
            sent(&[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1")]),
            ["uber-trace-id"]
        );
        assert_eq!(sent(&[]), ["uber-trace-id", "traceparent"]);
        assert!(propagator.inject_names().eq(["jaeger", "tracecontext", "b3", "b3multi"]));
    }

    #[test]
    fn ok_a_format_that_cannot_be_written_is_answered_in_the_default() {
        let propagator = build(Propagator::builder().names("sw8", "none").unwrap());
        let sw8 = "1-NGJmOTJmMzU3N2IzNGRhNmEzY2U5MjlkMGUwZTQ3MzY=-MDBmMDY3YWEwYmE5MDJiNw==-0-YQ==-Yg==-Yw==-ZA==";
        assert_eq!(written(&propagator, &[("sw8", sw8)], &InjectOptions::new()), ["traceparent"]);
        assert!(propagator.inject_names().eq(["tracecontext"]));
    }

    #[test]
    fn ok_a_correlation_id_names_no_span_and_goes_where_it_may() {
        let reading = Propagator::builder().extract(B3::single()).extract(Correlation::from_static("x-order"));
        let propagator = build(reading);
        let request = [("x-order", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736")];
        assert_eq!(written(&propagator, &request, &InjectOptions::new()), ["traceparent"]);
        assert_eq!(written(&propagator, &request, &InjectOptions::everything()), ["traceparent", "x-order"]);
    }

    #[test]
    fn ok_kept_formats_are_those_that_this_call_does_not_write() {
        let propagator = build(Propagator::builder().names("b3,jaeger", "none").unwrap());
        let request = [
            ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
            ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1"),
        ];
        let span = propagator.extract(&request).new_span(&|| IdBits::random(7));
        let mut headers = Vec::from(request.map(|(name, value)| (name.to_string(), value.to_string())));
        propagator.inject(&span, &InjectOptions::new().keep_formats(&["all"]), &mut headers);
        assert_eq!(headers[0].1, request[1].1);
        assert_eq!(headers[1].1, "4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-1");
    }

    #[test]
    fn err_more_formats_than_there_is_room_for() {
        let full = || {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"]
                .map(|name| plain(alloc::boxed::Box::leak(alloc::format!("x-{name}").into_boxed_str())));
            names.into_iter().fold(Propagator::builder(), |builder, format| builder.extract(format))
        };
        assert!(full().inject_received(W3cTraceContext::new()).build().is_ok());
        let more =
            (0..crate::format::MAX_FORMATS - 8).map(named).fold(full(), |builder, format| builder.inject(format));
        assert_eq!(more.inject_received(W3cTraceContext::new()).build().unwrap_err(), ConfigError::TooManyFormats);
    }

    /// A format without headers.
    struct Named(String);

    fn named(n: usize) -> Named {
        Named(alloc::format!("n{n}"))
    }

    impl Format for Named {
        fn name(&self) -> &str {
            &self.0
        }

        fn fields(&self) -> FormatFields<'_> {
            FormatFields::custom(&[])
        }

        fn extract(&self, _: &Headers<'_>) -> Parsed {
            Parsed::absent()
        }

        fn inject(&self, _: &InjectContext<'_>, _: &mut Writer<'_>) {}
    }
}
