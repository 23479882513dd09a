//! Forwarding of received lines without a change.

use core::fmt;

use crate::carrier::{FieldName, FieldValue, HeaderLines};
use crate::field::Field;
use crate::format::{FormatFields, InjectContext, Parsed, Writer};
use crate::wire::{self, Shown, is_header_text};

impl InjectContext<'_> {
    /// Writes the received lines of `fields` unchanged if `parsed`, which was read from them, has the trace and the decision
    /// that are forwarded.
    ///
    /// The parent may be another one: in a mesh each proxy updates its own format. Decisions are the same if both record the
    /// trace, or neither does. Returns `false` and writes nothing if they differ, and under
    /// [`Trust::Resample`](crate::Trust::Resample). The format then has to write its canonical form. Several lines of a
    /// tracestate are joined in order, because some receivers read only one of them. Equal lines of any other header are
    /// written as one, because some receivers refuse two.
    ///
    /// Three kinds of fields are omitted. Baggage and headers whose custom name is a prefix are written by
    /// [`Format::inject_text`](crate::format::Format::inject_text), as far as they are allowed. Fields that `parsed`
    /// [ignored](Parsed::ignored_fields) are not written at all.
    ///
    /// # Examples
    ///
    /// A format with an opaque header that is forwarded as received:
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// # use traceprop_core::{
    ///     InjectOptions, Pairs, format::{CustomHeader, Format, FormatFields, Headers, InjectContext, Outcome},
    /// };
    /// # use traceprop_core::{Propagator, RemoteContext, TraceId, format::{Parsed, Writer}};
    /// # struct Acme;
    /// const TRACE: CustomHeader = CustomHeader::from_static("x-acme-trace");
    ///
    /// impl Format for Acme {
    /// #   fn name(&self) -> &str { "acme" }
    /// #   fn fields(&self) -> FormatFields<'_> { FormatFields::custom(&[TRACE]) }
    /// #   fn extract(&self, headers: &Headers<'_>) -> Parsed {
    /// #       let value = headers.get_custom(&TRACE).and_then(|value| value.get(..32));
    /// #       match value.and_then(|value| TraceId::from_hex(value).ok()) {
    /// #           Some(id) => Parsed::context(RemoteContext::new(id, None)),
    /// #           None => Parsed::absent(),
    /// #       }
    /// #   }
    /// #   fn inject(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    /// #       if let Some(id) = context.trace_id() { writer.write_custom(&TRACE, id) }
    /// #   }
    ///     // .. name, fields, extract and inject
    ///     fn forward(&self, context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    ///         let parsed = self.extract(context.received());
    ///         if !context.forward_verbatim(&parsed, self.fields(), writer) {
    ///             self.inject(context, writer);
    ///         }
    ///     }
    /// }
    ///
    /// let propagator = Propagator::builder().with_format(Acme).build()?;
    /// let request = [("x-acme-trace", "4bf92f3577b34da6a3ce929d0e0e4736 and more")];
    /// let mut headers = Pairs::new();
    /// propagator.inject(propagator.extract(&request).passthrough(), &InjectOptions::new(), &mut headers);
    /// assert_eq!(headers.get("x-acme-trace"), Some(request[0].1));
    /// # }
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn forward_verbatim(&self, parsed: &Parsed, fields: FormatFields<'_>, writer: &mut Writer<'_>) -> bool {
        if !self.forwards_lines_of(parsed) {
            return false;
        }
        let headers = self.headers;
        let custom = fields.custom_headers().iter().filter(|name| !name.is_prefix());
        let custom = custom.map(|name| (headers.field(name), name.as_str()));
        let built_in = fields.built_in_fields().built_in().filter_map(|field| Some((field, field.name()?)));
        let is_forwarded = |field: Field| !field.is_baggage() && !parsed.ignored_fields().contains(field);
        let all = || built_in.clone().chain(custom.clone()).filter(|(field, _)| is_forwarded(*field));
        if all().any(|(field, _)| headers.get_all(field).iter().any(|line| !is_header_text(line))) {
            return false;
        }
        for (field, name) in all() {
            let lines = headers.get_all(field);
            // The name is written in lower case, however it was received.
            let name = FieldName::new(field, name);
            match lines.first() {
                Some(line) if !lines.is_repeated() => writer.append(name, FieldValue::ascii(line)),
                Some(_) => append_repeated(name, lines, writer),
                None => {}
            }
        }
        true
    }

    /// Whether received lines with this content may go on.
    pub(crate) fn forwards_lines_of(&self, parsed: &Parsed) -> bool {
        // Lines that code set were never received. Under `Trust::Resample`, lines can say more about the caller's decision
        // than `parsed` does.
        !self.is_resampled() && self.is_forwarded(parsed) && !self.source.received.is_built()
    }
}

#[cold]
fn append_repeated(name: FieldName<'_>, lines: HeaderLines<'_>, writer: &mut Writer<'_>) {
    match lines.equal_value() {
        _ if name.field().is_list() => writer.append(name, FieldValue::pieces(&joined(lines))),
        Some(value) => writer.append(name, FieldValue::ascii(value)),
        None => lines.iter().for_each(|line| writer.append(name, FieldValue::ascii(line))),
    }
}

/// Displays the lines of a list as one line.
pub(crate) fn joined(lines: HeaderLines<'_>) -> impl fmt::Display {
    Shown(move |f: &mut fmt::Formatter<'_>| {
        let lines = lines.iter().map(wire::trim).filter(|line| !line.is_empty());
        wire::put_joined(lines.map(wire::ascii), ",", f)
    })
}

#[cfg(feature = "std")]
#[cfg(test)]
mod tests {
    use crate::carrier::Pairs;
    use crate::context::inject_options::InjectOptions;
    use crate::owned::OwnedContext;
    use crate::propagator::Propagator;

    #[test]
    fn ok_equal_lines_are_forwarded_as_one() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let jaeger = "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1";
        let request = [("traceparent", parent), ("uber-trace-id", jaeger)].repeat(2);
        for written in ["tracecontext,jaeger", "none"] {
            let propagator = Propagator::from_names("tracecontext,jaeger", written).unwrap();
            let extraction = propagator.extract(&request);
            let owned = OwnedContext::from_passthrough(&extraction);
            let (mut headers, mut of_owned) = (Pairs::new(), Pairs::new());
            propagator.inject(extraction.passthrough(), &InjectOptions::new(), &mut headers);
            propagator.inject(&owned, &InjectOptions::new(), &mut of_owned);
            assert!(headers.iter().eq([("traceparent", parent), ("uber-trace-id", jaeger)]), "{headers:?}");
            assert!(of_owned.iter().eq(headers.iter()), "{of_owned:?}");
        }
    }
}
