//! What is removed from a carrier: by an injection before it writes, and on request.

use super::Propagator;
use crate::carrier::{CarrierMut, StaleFields};
use crate::context::{Mark, OmissionList, OmitReason, Received, Trust};
use crate::field::{Field, FieldSet, FormatKind, ROWS};
use crate::format::{Format, InjectContext, Progress, kept_header};

/// The name that means every format in a list of formats.
const ALL: &str = "all";

impl Propagator {
    /// Removes all trace headers from a carrier and returns those that it held.
    ///
    /// These are all headers of [`Field::ALL`](crate::Field::ALL), whether a format here reads them or not, and the custom headers of this
    /// propagator. Baggage and correlation ids are among them. A `_` in a name counts as `-`, since many servers read both
    /// as one name.
    ///
    /// Use it before a carrier is used again for another message, and for a destination that must not learn of a trace.
    /// [`inject`](Self::inject) removes what it replaces by itself.
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{Field, presets};
    ///
    /// let mut message = vec![("x_b3_traceid".to_owned(), "1".to_owned()), ("topic".to_owned(), "orders".to_owned())];
    /// let removed = presets::W3C.propagator().strip(&mut message);
    /// assert!(removed.iter().eq([Field::B3TraceId]));
    /// assert_eq!(message.len(), 1);
    /// # }
    /// ```
    pub fn strip(&self, carrier: &mut (impl CarrierMut + ?Sized)) -> FieldSet {
        self.all_fields().remove_from(carrier)
    }

    /// Returns the headers that an injection of a request's context removes: those of both lists, and W3C baggage.
    ///
    /// Under restart and ignore these are all headers that [`strip`](Self::strip) removes. A gateway whose calls are made
    /// by other libraries removes them from the request after it was read. A `_` in a name counts as `-`.
    ///
    /// ```
    /// use traceprop_core::{Trust, presets};
    ///
    /// let propagator = presets::W3C.propagator();
    /// let owned = propagator.owned_fields(Trust::Continue);
    /// assert!(owned.contains("traceparent") && owned.contains("baggage") && !owned.contains("b3"));
    /// assert!(propagator.owned_fields(Trust::Restart).contains("b3"));
    /// ```
    pub fn owned_fields(&self, trust: Trust) -> StaleFields<'_> {
        match self.options.trust.stricter(trust).continues_trace() {
            true => StaleFields::new(&self.names, self.owned).with_underscores(),
            false => self.all_fields(),
        }
    }

    fn all_fields(&self) -> StaleFields<'_> {
        StaleFields::new(&self.names, FieldSet::ALL).with_underscores()
    }

    /// Returns what an injection of a context owns.
    #[inline]
    pub(super) fn stale_fields<'a>(&'a self, received: &Received<'a>, carrier: &dyn CarrierMut) -> StaleFields<'a> {
        // Usually the context is from a propagator with these formats, whose caller is trusted.
        let is_usual = received.trust() == Trust::Continue
            && received.read.is_within(self.kinds.with(FormatKind::Baggage))
            && !received.is(Mark::HeldCustom)
            && !carrier.is_environment();
        match is_usual {
            true => StaleFields::new(&self.names, self.owned),
            false => self.stale_fields_of(received, carrier.is_environment()),
        }
    }

    #[inline(never)]
    fn stale_fields_of<'a>(&'a self, received: &Received<'a>, is_environment: bool) -> StaleFields<'a> {
        let refuses_trace = !received.trust().continues_trace();
        let is_whole = refuses_trace && !is_environment;
        let fields = if is_whole { FieldSet::ALL } else { self.owned.union(received.read.fields()) };
        let stale = StaleFields::new(&self.names, fields);
        let stale = match received.trust() {
            // A variable has one name for `_` and `-`.
            _ if is_environment => stale.with_underscores(),
            Trust::Continue => stale,
            // The listener refused them, also those of formats that it does not read.
            _ => stale.with_all_underscores(),
        };
        let held = received.source.filter(|_| received.is(Mark::HeldCustom) && !is_environment);
        match held.and_then(|lines| lines.held_names()).filter(|held| !held.are_within(&self.names)) {
            Some(held) => stale.with_held(held),
            None => stale,
        }
    }

    /// Removes what is stale, except what the options keep. Returns what was removed, and how far writing may go.
    #[inline(never)]
    pub(super) fn clear(
        &self,
        stale: &StaleFields<'_>,
        context: &InjectContext<'_>,
        carrier: &mut dyn CarrierMut,
        omissions: &mut OmissionList,
    ) -> (FieldSet, Progress) {
        let (received, options) = (&context.source.received, context.options);
        if options.kept_headers().is_empty() && options.kept_formats().is_empty() {
            return (stale.remove_from(carrier), Progress::default());
        }
        let keeps_formats = received.trust() == Trust::Continue && received.is(Mark::Extracted);
        let dialects = self.kept_dialects(stale, options.kept_headers());
        let formats = self.kept_formats(options.kept_formats(), context);
        let (mut removed, mut kept, mut refused) = (FieldSet::EMPTY, FieldSet::EMPTY, FieldSet::EMPTY);
        let mut progress = Progress::default();
        carrier.remove_if(&mut |name| {
            let Some(field) = stale.find(name) else { return false };
            let is_of_format = formats.contains(field);
            let by_name = kept_header(options, name);
            progress.kept_headers |= by_name;
            if by_name != 0 || dialects.contains(field) || (is_of_format && keeps_formats) {
                kept = kept.with(field);
                return false;
            }
            removed = removed.with(field);
            refused = if is_of_format { refused.with(field) } else { refused };
            true
        });
        for field in refused.iter() {
            omissions.add(field, OmitReason::NotAllowed, u32::from(!field.can_hold_baggage()));
        }
        omissions.keep(kept);
        // Of a dialect that is kept nothing is written, not even the fields that the request lacks.
        let whole = dialects.union(formats);
        let held = self.dialects().filter(|dialect| dialect.intersection(whole).intersects(kept));
        progress.taken = held.fold(FieldSet::EMPTY, |taken, dialect| taken.union(dialect.intersection(whole)));
        (removed, progress)
    }

    /// Returns the trace fields of each format: those that are kept or written together.
    fn dialects(&self) -> impl Iterator<Item = FieldSet> {
        let configured = self.extract.iter().chain(self.inject.iter()).map(|format| {
            let fields = format.fields();
            fields.kind.fields().union(fields.trace_fields(&self.names))
        });
        let rows = ROWS.iter().map(|row| row.fields);
        let unread = FieldSet::UNREAD.built_in().map(|field| FieldSet::of(&[field]));
        configured.chain(rows).chain(unread).map(|fields| fields.without(FieldSet::TEXT))
    }

    /// Returns the trace fields of the formats that have a header with one of these names.
    fn kept_dialects(&self, stale: &StaleFields<'_>, names: &[&str]) -> FieldSet {
        let named = names.iter().filter_map(|name| stale.find(name).or_else(|| Field::from_name(name)));
        let named = named.fold(FieldSet::EMPTY, FieldSet::with);
        let dialects = self.dialects().filter(|dialect| dialect.intersects(named));
        dialects.fold(FieldSet::EMPTY, FieldSet::union)
    }

    /// Returns the trace fields of these formats, as far as the call does not write them.
    fn kept_formats(&self, names: &[&str], context: &InjectContext<'_>) -> FieldSet {
        let is_named = |name: &str| names.iter().any(|kept| *kept == ALL || kept.eq_ignore_ascii_case(name));
        let is_kept =
            |name: &str, kind: FormatKind| is_named(name) && (kind == FormatKind::Custom || !context.injects(kind));
        let rows = ROWS.iter().filter(|row| row.names.iter().any(|name| is_kept(name, row.kind))).map(|row| row.fields);
        let read = self.extract.kinds().filter(|(format, kind)| is_kept(format.name(), *kind));
        let read = read.map(|(format, _)| format.fields().trace_fields(&self.names));
        let unread = if names.contains(&ALL) { FieldSet::UNREAD } else { FieldSet::EMPTY };
        let kept = rows.chain(read).fold(unread, FieldSet::union);
        let written = self.inject.iter().enumerate().filter(|(place, _)| context.places.contains(*place));
        let written = written.map(|(_, format)| format.fields().set(&self.names));
        kept.without(written.fold(FieldSet::TEXT, FieldSet::union))
    }
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::inject_options::{Allow, InjectOptions};
    use crate::formats::sw8::Sw8;
    use crate::id::{SpanId, TraceId};
    use crate::owned::OwnedContext;
    use crate::propagator::presets;
    use std::string::{String, ToString};
    use std::vec::Vec;

    type Lines = Vec<(String, String)>;

    const W3C: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const B3: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");

    fn lines(pairs: &[(&str, &str)]) -> Lines {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// Returns the names that are left in a copy of the request after the call of a span, and the report.
    fn forwarded(
        (reader, writer): (&Propagator, &Propagator),
        trust: Trust,
        options: &InjectOptions<'_>,
        request: &[(&str, &str)],
    ) -> (Vec<String>, String) {
        let request = lines(request);
        let extraction = reader.extract_with_trust(&request, trust);
        let span = extraction.span_with_ids(TraceId::MIN, SpanId::MIN);
        let owned = OwnedContext::from_span(&extraction, &span);
        let mut copy = request.clone();
        let report = writer.inject(&owned, options, &mut copy).to_string();
        let mut borrowed = request.clone();
        writer.inject(&span, options, &mut borrowed);
        if reader.kinds == writer.kinds {
            assert_eq!(copy, borrowed);
        }
        (copy.into_iter().map(|(name, _)| name).collect(), report)
    }

    fn names(reader: &Propagator, trust: Trust, request: &[(&str, &str)]) -> Vec<String> {
        forwarded((reader, &presets::W3C.propagator()), trust, &InjectOptions::new(), request).0
    }

    #[test]
    fn err_forward_baggage_that_is_not_allowed() {
        let w3c = presets::W3C.propagator();
        let baggage = ("baggage", "userId=alice");
        for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
            assert_eq!(names(&w3c, trust, &[baggage]), ["traceparent"], "{trust:?}");
            let reader = Propagator::from_names("b3", "b3").unwrap();
            let other = forwarded((&reader, &reader), trust, &InjectOptions::everything(), &[baggage]);
            assert_eq!(other.0, ["b3"], "{trust:?}: nobody reads it");
        }
        let options = InjectOptions::new().allow_baggage(Allow::Only(&["tenant"]));
        let (left, report) = forwarded((&w3c, &w3c), Trust::Continue, &options, &[baggage]);
        assert_eq!((left.len(), report.as_str()), (1, "baggage: 1 member omitted (not-allowed)"), "told once");
    }

    #[test]
    fn err_forward_formats_that_only_the_reader_knows() {
        let reader = Propagator::from_names("all,correlation:x-request-id", "none").unwrap();
        let request = [B3, ("X-Datadog-Trace-Id", "1"), ("uberctx-a", "1"), ("x-request-id", "7"), ("accept", "*/*")];
        for trust in [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore] {
            assert_eq!(names(&reader, trust, &request), ["accept", "traceparent"], "{trust:?}");
        }
        // A format that is not read is left to other services.
        let w3c = presets::W3C.propagator();
        assert_eq!(names(&w3c, Trust::Continue, &[B3, ("x-trace", "2B")]), ["b3", "x-trace", "traceparent"]);
        assert_eq!(names(&w3c, Trust::Restart, &[B3, ("x-trace", "2B")]), ["traceparent"]);
    }

    #[test]
    fn err_forward_names_that_a_server_reads_as_a_trace_header() {
        let w3c = presets::W3C.propagator();
        let request = [("x_datadog_trace_id", "1"), ("x_b3_traceid", "1"), ("accept_encoding", "br")];
        assert_eq!(names(&w3c, Trust::Restart, &request), ["accept_encoding", "traceparent"]);
        let b3 = Propagator::from_names("b3", "none").unwrap();
        assert_eq!(names(&b3, Trust::Resample, &request), ["accept_encoding", "traceparent"]);
        assert_eq!(names(&b3, Trust::Continue, &request).len(), 4);
        // The name was not read, and only the reader knows it.
        let reader = Propagator::from_names("tracecontext,correlation:x-request-id", "none").unwrap();
        let request = [("X_Request-Id", "7")];
        for trust in [Trust::Resample, Trust::Restart, Trust::Ignore] {
            assert_eq!(names(&reader, trust, &request), ["traceparent"], "{trust:?}");
        }
        assert_eq!(names(&reader, Trust::Continue, &request), ["X_Request-Id", "traceparent"]);
    }

    #[test]
    fn ok_a_kept_header_is_told_once() {
        let propagator = Propagator::from_names("tracecontext,baggage,jaeger,correlation:x-a", "none").unwrap();
        let request = lines(&[W3C, ("baggage", "a=1"), ("x-a", "7"), ("uberctx-a", "1"), ("uberctx-b", "2")]);
        let extraction = propagator.extract(&request);
        let told = |names: &[&str]| {
            let options = InjectOptions::new().keep_headers(names);
            propagator.inject(extraction.passthrough(), &options, &mut request.clone()).to_string()
        };
        assert_eq!(
            told(&["Baggage", "X-A", "uberctx-a", "uberctx-b"]),
            "uberctx-: 2 members omitted (not-allowed); uberctx-: kept in the request; baggage: kept in the request; \
             x-a: kept in the request"
        );
    }

    #[test]
    fn ok_without_a_context_the_carrier_is_left_alone() {
        let w3c = presets::W3C.propagator();
        let stale = lines(&[B3, ("traceparent", "x"), ("baggage", "own=1")]);
        let passed = |request: &[(&str, &str)], trust| {
            let request = lines(request);
            let extraction = w3c.extract_with_trust(&request, trust);
            let (mut copy, mut owned) = (stale.clone(), stale.clone());
            w3c.inject(extraction.passthrough(), &InjectOptions::everything(), &mut copy);
            w3c.inject(&OwnedContext::from_passthrough(&extraction), &InjectOptions::everything(), &mut owned);
            assert_eq!(copy, owned);
            copy.len()
        };
        assert_eq!(passed(&[("accept", "*/*"), ("x-b3-traceid", "1")], Trust::Continue), 3);
        // Invalid headers, a tracestate alone and empty baggage are a context.
        for held in [("traceparent", "00-x"), ("tracestate", "a=1"), ("baggage", "")] {
            assert_eq!(passed(&[held], Trust::Continue), 1, "{held:?}");
        }
        assert_eq!((passed(&[], Trust::Resample), passed(&[], Trust::Restart), passed(&[], Trust::Ignore)), (3, 0, 0));
        let b3 = Propagator::from_names("b3", "b3").unwrap();
        let request = lines(&[("tracestate", "a=1")]);
        let mut copy = lines(&[B3]);
        b3.inject(b3.extract(&request).passthrough(), &InjectOptions::new(), &mut copy);
        assert_eq!(copy, [], "a tracestate that nobody reads is a context too");
    }

    #[test]
    fn ok_kept_headers_are_a_dialect_whole_or_a_line_of_text() {
        let list = "all,correlation:x-request-id";
        let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).names(list, list).unwrap();
        let (all, none) = (builder.build().unwrap(), lines(&[]));
        let held = [
            "x-b3-traceid",
            "uber-trace-id",
            "uberctx-a",
            "uberctx-b",
            "sw8-correlation",
            "x-request-id",
            "sentry-trace",
        ];
        let kept = |names: &[&str], trust| {
            let options = InjectOptions::new().keep_headers(names);
            let mut copy: Lines = held.iter().map(|name| (name.to_string(), "old".to_string())).collect();
            let span = all.extract_with_trust(&none, trust).span_with_ids(TraceId::MIN, SpanId::MIN);
            let report = all.inject(&span, &options, &mut copy).to_string();
            let old: Vec<_> = copy.iter().filter(|(_, value)| value == "old").map(|(name, _)| name.as_str()).collect();
            assert_eq!(report.matches("kept in the request").count(), old.len(), "{report}");
            (old.join(" "), copy.iter().any(|(name, _)| name == "b3"))
        };
        for trust in [Trust::Restart, Trust::Ignore] {
            // The request has one header of B3, so neither encoding is written.
            assert_eq!(kept(&["X-B3-TraceId"], trust), ("x-b3-traceid".to_string(), false));
            assert_eq!(kept(&["b3", "uberctx-B"], trust), ("x-b3-traceid uberctx-b".to_string(), false));
            assert_eq!(kept(&["uber-trace-id", "accept"], trust), ("uber-trace-id".to_string(), true));
            assert_eq!(kept(&["sw8"], trust), (String::new(), true), "sw8-correlation is text");
            let text = ["sw8-correlation", "x-request-id", "sentry-trace"];
            assert_eq!(kept(&text, trust), (text.join(" "), true));
        }
    }

    #[test]
    fn ok_kept_formats_are_those_that_are_not_written() {
        let reader = presets::ALL_TO_W3C.propagator();
        let request = [B3, ("x-datadog-trace-id", "1"), ("uberctx-a", "1"), ("x-trace", "1"), ("baggage", "a=1"), W3C];
        let kept = |names: &[&str], trust| {
            let options = InjectOptions::everything().keep_formats(names);
            let (left, report) = forwarded((&reader, &reader), trust, &options, &request);
            (left.join(" "), report)
        };
        assert_eq!(kept(&["b3"], Trust::Continue).0, "b3 x-trace traceparent baggage");
        assert_eq!(kept(&["all"], Trust::Continue).0, "b3 x-datadog-trace-id x-trace traceparent baggage");
        assert_eq!(kept(&["tracecontext", "baggage"], Trust::Continue).0, "x-trace traceparent baggage");
        let (left, report) = kept(&["b3"], Trust::Resample);
        assert_eq!(left, "x-trace traceparent baggage");
        assert!(report.contains("b3: omitted (not-allowed)"), "{report}");
        // No extraction made the context.
        let mut copy = lines(&request);
        let span = crate::context::SpanContext::new(TraceId::MIN, SpanId::MIN);
        reader.inject(&span, &InjectOptions::new().keep_formats(&["all"]), &mut copy);
        assert!(copy.iter().all(|(name, _)| name != "b3"));
    }

    #[test]
    fn ok_strip_removes_the_table_and_custom_headers() {
        let propagator = Propagator::from_names("correlation:x-request-id", "none").unwrap();
        let every = Field::ALL.iter().map(|field| field.name().unwrap_or_default());
        let mut carrier: Lines =
            every.map(|name| (name.to_string() + if name.ends_with('-') { "a" } else { "" }, String::new())).collect();
        carrier.extend(lines(&[("X-Request-Id", "7"), ("x_request_id", "7"), ("accept", "*/*")]));
        let removed = propagator.strip(&mut carrier);
        assert_eq!(carrier, lines(&[("accept", "*/*")]));
        assert_eq!(removed.len(), Field::ALL.len() + 1);
    }
}
