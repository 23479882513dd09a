//! The propagator: several formats at once, read in one pass and merged into one context.

mod builder;
mod clear;
#[cfg(feature = "std")]
mod env;
#[cfg(feature = "std")]
mod env_carrier;
mod error;
pub(crate) mod explain;
mod extract;
mod inject;
mod link;
mod list;
pub(crate) mod merge;
mod names;
mod preserve;
pub mod presets;
mod received_format;
#[cfg(feature = "alloc")]
pub mod refusals;

use crate::baggage::BaggageLimits;
use crate::context::Trust;
use crate::field::{Field, FieldNames, FieldSet, FormatKind, FormatSet, Preserves};
use crate::format::{Format, FormatRef, Places};
use crate::id::TraceIdMatch;
use crate::wire::debug_as;

#[cfg(feature = "std")]
pub use self::env_carrier::EnvCarrier;
pub use builder::PropagatorBuilder;
pub use error::{ConfigError, ConfigList, ConfigWord};
pub use extract::Extraction;
pub(crate) use extract::Recorder;
pub use link::{Link, LinkReason};
pub(crate) use list::FormatList;
use received_format::ByReceived;

/// Reads and writes trace context in the formats that it was built with.
///
/// Building it is the only place where configuration can be wrong; using it never fails. It is immutable and can be
/// shared between threads.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use traceprop_core::{presets, InjectOptions, Sampling};
///
/// let propagator = presets::W3C.propagator();
/// let request = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let extraction = propagator.extract(&request);
/// let caller = extraction.context().expect("the request has a context");
/// assert_eq!(caller.sampling, Sampling::Sampled);
///
/// let call = extraction.span_with_ids(caller.trace_id, "b7ad6b7169203331".parse()?);
/// let mut headers: Vec<(String, String)> = Vec::new();
/// let omitted = propagator.inject(&call, &InjectOptions::new(), &mut headers);
/// assert_eq!(headers[0].1, "00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01");
/// assert!(omitted.is_complete());
/// # }
/// # Ok::<(), traceprop_core::ParseIdError>(())
/// ```
#[derive(Clone)]
pub struct Propagator {
    pub(crate) extract: FormatList,
    pub(crate) inject: FormatList,
    /// Built-in formats of neither list that preserve data in the tracestate.
    others: FormatList,
    /// The fields that a request is searched for: those of both lists.
    reads: FieldNames,
    /// The fields of both lists, and those of `others`: a context that another propagator read may hold their lines.
    pub(crate) names: FieldNames,
    /// The formats of both lists.
    kinds: FormatSet,
    /// The formats of the extract list.
    extracted: FormatSet,
    /// The formats of the inject list.
    injected: FormatSet,
    /// A format of the extract list is not in the inject list.
    reads_more: bool,
    /// The fields of both lists, and W3C baggage: what an injection removes from a copy of a request.
    owned: FieldSet,
    /// The custom headers that hold baggage or a correlation id of a built-in format.
    #[cfg(feature = "alloc")]
    pub(crate) custom_text: FieldSet,
    /// A format of the lists has data for each tracestate.
    preserves_always: bool,
    /// The limits of the baggage that is read; `None` if none is.
    baggage_limits: Option<BaggageLimits>,
    options: Options,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) trust: Trust,
    pub(crate) extract_first: bool,
    pub(crate) id_match: TraceIdMatch,
    pub(crate) mark_random: bool,
    /// How to choose from the inject list, if an injection writes only some of it.
    by_received: Option<ByReceived>,
}

impl Options {
    pub(crate) const DEFAULT: Self = Self {
        trust: Trust::Continue,
        extract_first: false,
        id_match: TraceIdMatch::Exact,
        mark_random: false,
        by_received: None,
    };
}

debug_as!(Propagator, |it| extract: it.extract, inject: it.inject, options: it.options);

impl Propagator {
    /// Creates a builder without formats. [`PropagatorBuilder`] has an example.
    pub const fn builder() -> PropagatorBuilder {
        PropagatorBuilder::new()
    }

    pub(crate) fn assemble(
        mut extract: FormatList,
        inject: FormatList,
        preserving: &[&'static dyn Format],
        options: Options,
    ) -> Self {
        let mut reads = FieldNames::new();
        for fields in extract.iter().chain(inject.iter()).map(Format::fields) {
            reads.watch(fields.built_in_fields());
            for name in fields.custom_headers() {
                // The builder checks that there is room for all names.
                reads.watch_name(name);
            }
        }
        let formats = extract.iter().chain(inject.iter());
        let owned = formats.map(|format| format.fields().set(&reads));
        let owned = owned.fold(FieldSet::of(&[Field::Baggage]), FieldSet::union);
        extract.note_needs(&reads);
        let injected = inject.kinds().fold(FormatSet::EMPTY, |set, (_, kind)| set.with(kind));
        let extracted = extract.kinds().fold(FormatSet::EMPTY, |set, (_, kind)| set.with(kind));
        let kinds = injected.union(extracted);
        let reads_more = extract.kinds().any(|(format, kind)| !inject.has_at(Places::ALL, format, kind));
        let mut names = reads.clone();
        // An injection looks for it in the carrier.
        names.watch(FieldSet::of(&[Field::Baggage]));
        let mut others = FormatList::new();
        for format in preserving {
            let fields = format.fields();
            if kinds.contains(fields.kind) || fields.kind.preserves() == Preserves::Nothing {
                continue;
            }
            others.push_reader(FormatRef::from_static(*format));
            if injected.contains(FormatKind::TraceContext) {
                names.watch(fields.built_in_fields());
            }
        }
        let preserves_always = extract
            .iter()
            .chain(inject.iter())
            .any(|format| format.fields().preserve.is_some_and(|format| format.adds_always()));
        let baggage_limits = extract.iter().find_map(|format| format.fields().baggage_limits.copied());
        Self {
            #[cfg(feature = "alloc")]
            custom_text: custom_text([&extract, &inject], &reads),
            extract,
            inject,
            others,
            reads,
            names,
            kinds,
            extracted,
            injected,
            reads_more,
            owned,
            preserves_always,
            baggage_limits,
            options,
        }
    }

    /// Returns the names of the formats that are read, in order.
    pub fn extract_names(&self) -> impl Iterator<Item = &str> {
        self.extract.iter().map(Format::name)
    }

    /// Returns the names of the formats that are written, in order. With [`PropagatorBuilder::inject_received`], an injection
    /// writes some of them.
    pub fn inject_names(&self) -> impl Iterator<Item = &str> {
        self.inject.iter().map(Format::name)
    }

    /// Sets what is done with received contexts. A clone of a propagator can serve another listener.
    ///
    /// It has no effect on a propagator that reads nothing. [`Trust`] has an example.
    pub const fn with_trust(mut self, trust: Trust) -> Self {
        self.options.trust = trust;
        self
    }

    /// Returns what is done with received contexts.
    pub const fn trust(&self) -> Trust {
        self.options.trust
    }

    /// Returns the lower-case names of the headers that are written, to clean a carrier that is reused.
    ///
    /// Headers with a prefix are listed as the prefix (`uberctx-`). A field that formats share is listed once.
    ///
    /// ```
    /// use traceprop_core::presets;
    ///
    /// let propagator = presets::W3C.propagator();
    /// assert!(propagator.inject_fields().eq(["traceparent", "tracestate", "baggage"]));
    /// assert!(propagator.extract_fields().eq(propagator.inject_fields()));
    /// ```
    pub fn inject_fields(&self) -> impl Iterator<Item = &str> {
        fields_of(&self.inject)
    }

    /// Returns whether a header with this name is looked at, in any letter case: the formats that are read or written have it.
    ///
    /// Use it if a carrier has to be copied before it is read.
    ///
    /// ```
    /// use traceprop_core::presets;
    ///
    /// let propagator = presets::W3C.propagator();
    /// assert!(propagator.reads_field("Traceparent") && !propagator.reads_field("accept"));
    /// ```
    #[inline]
    pub fn reads_field(&self, name: &str) -> bool {
        self.reads.find(name).is_some()
    }

    /// Returns the lower-case names of the headers that are read, for a CORS layer to allow.
    pub fn extract_fields(&self) -> impl Iterator<Item = &str> {
        fields_of(&self.extract)
    }
}

/// Returns the custom headers that hold text, unless a format of the lists reads them as something else.
#[cfg(feature = "alloc")]
fn custom_text(formats: [&FormatList; 2], names: &FieldNames) -> FieldSet {
    let fields = || formats.into_iter().flat_map(FormatList::iter).map(Format::fields);
    let text = fields().fold(FieldSet::EMPTY, |set, fields| set.union(fields.custom_text(names)));
    let other = fields().map(|fields| fields.set(names).without(fields.custom_text(names)));
    text.without(other.fold(FieldSet::EMPTY, FieldSet::union))
}

fn fields_of(formats: &FormatList) -> impl Iterator<Item = &str> {
    formats.iter().enumerate().flat_map(move |(place, format)| {
        let fields = format.fields();
        let is_listed = move |field: Field| {
            formats.iter().take(place).any(|before| before.fields().built_in_fields().contains(field))
        };
        let own = fields.built_in_fields().built_in().filter(move |field| !is_listed(*field));
        let built_in = own.filter_map(|field| -> Option<&str> { field.name() });
        built_in.chain(fields.custom_headers().iter().map(|name| name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_fields_of_both_lists() {
        let propagator = Propagator::from_names("b3multi,baggage", "b3,tracecontext").unwrap();
        let b3 = ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];
        assert!(propagator.extract_fields().eq(b3.into_iter().chain(["baggage"])));
        assert!(propagator.inject_fields().eq(b3.into_iter().chain(["traceparent", "tracestate"])));
    }
}
