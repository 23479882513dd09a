//! The dynamic sampling context: the `sentry-*` members of `baggage`.

use core::fmt;

use crate::baggage::{Baggage, BaggageLimits, BaggageMember};
use crate::carrier::Headers;
use crate::context::OmitReason;
use crate::field::{Field, FormatKind};
use crate::format::{InjectContext, Writer};
use crate::id::TraceId;
use crate::wire::{Counter, Shown};

const PREFIX: &str = "sentry-";

/// The dynamic sampling context of a trace, borrowed from the carrier.
///
/// It has the first member of each key. [`SentryView::sampling_context`](super::SentryView::sampling_context) returns it.
///
/// # Examples
///
/// ```
/// use traceprop_core::{Propagator, formats::sentry::Sentry};
///
/// let propagator = Propagator::builder().with_format(Sentry::new()).build()?;
/// let request = [
///     ("sentry-trace", "2f90b30075b9669ae69a7feb163cc8e5-e57dddd84dceff9a-1"),
///     ("baggage", "tenant=acme,sentry-release=shop%402.3.1"),
/// ];
/// let sentry = propagator.extract(&request).sentry().expect("the request has the header");
/// let release = sentry.sampling_context().get("release").expect("the member is there");
/// assert_eq!(release.raw_value(), "shop%402.3.1");
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct SamplingContext<'c> {
    baggage: Baggage<'c>,
}

/// A member of a [`SamplingContext`].
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::sentry::SamplingContextMember;
///
/// fn is_production(member: &SamplingContextMember<'_>) -> bool {
///     member.key() == "environment" && member.value_bytes().eq(*b"production")
/// }
/// # let _ = is_production;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingContextMember<'c>(BaggageMember<'c>);

impl<'c> SamplingContextMember<'c> {
    /// Returns the key without `sentry-`.
    pub fn key(&self) -> &'c str {
        self.0.key().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// Returns the value in wire form, percent-encoded.
    pub const fn raw_value(&self) -> &'c str {
        self.0.raw_value()
    }

    /// Returns the value, percent-decoded once. Invalid UTF-8 becomes U+FFFD.
    #[cfg(feature = "alloc")]
    pub fn value(&self) -> alloc::borrow::Cow<'c, str> {
        self.0.value()
    }

    /// Returns the bytes of the value, percent-decoded once, without allocating.
    pub fn value_bytes(&self) -> impl Iterator<Item = u8> + use<'c> {
        self.0.value_bytes()
    }
}

impl fmt::Display for SamplingContextMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Properties have no meaning here.
        write!(f, "{}={}", self.0.key(), self.0.raw_value())
    }
}

impl<'c> SamplingContext<'c> {
    pub(super) const EMPTY: Self = Self { baggage: Baggage::EMPTY };

    /// Reads the members of a request. It is empty if they name another trace than `sentry-trace`.
    pub(super) fn from_headers(headers: &Headers<'c>, trace_id: TraceId) -> Self {
        let lines = headers.get_all(Field::Baggage);
        let context = Self { baggage: Baggage::from_lines(lines, BaggageLimits::W3C).unwrap_or(Baggage::EMPTY) };
        let is_stale = |member: SamplingContextMember<'_>| !member.value_bytes().eq(trace_id.to_hex());
        if context.get("trace_id").is_some_and(is_stale) { Self::EMPTY } else { context }
    }

    /// Returns the members in order, the first of each key.
    pub fn iter(&self) -> impl Iterator<Item = SamplingContextMember<'c>> + Clone + use<'c> {
        let all =
            self.baggage.iter().filter(|member| member.key().len() > PREFIX.len() && member.key().starts_with(PREFIX));
        let first = all.clone();
        let is_first = move |(place, member): &(usize, BaggageMember<'c>)| {
            !first.clone().take(*place).any(|before| before.key() == member.key())
        };
        all.enumerate().filter(is_first).map(|(_, member)| SamplingContextMember(member))
    }

    /// Returns the member with this key, which is given without `sentry-`.
    pub fn get(&self, key: &str) -> Option<SamplingContextMember<'c>> {
        self.iter().find(|member| member.key() == key)
    }

    /// Returns `true` if there are no members.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl fmt::Debug for SamplingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values name projects and releases.
        f.debug_list().entries(self.iter().map(|member| member.key())).finish()
    }
}

/// The members that an injection writes, with those of the application before them.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'c>(SamplingContext<'c>);

impl<'c> Outgoing<'c> {
    /// Returns the received members if they belong to the trace that is written, and if each may be sent.
    pub(crate) fn of(context: &InjectContext<'c>, writer: &mut Writer<'_>) -> Option<Self> {
        let received = &context.source.received;
        if !received.keeps_decisions_in_text() {
            return None;
        }
        let members = SamplingContext::from_headers(context.received(), context.trace_id()?);
        // Without a `sentry-trace` of this trace, only their own trace id ties them to it: a hop that forwards only W3C headers.
        if !context.agrees(FormatKind::Sentry) && members.get("trace_id").is_none() {
            return None;
        }
        let count = members.iter().count();
        let allow = context.options().allowed_baggage();
        if count > 0 && !members.iter().all(|member| allow.allows_key(member.0.key())) {
            writer.omit(Field::Baggage, OmitReason::NotAllowed, count as u32);
            return None;
        }
        (count > 0).then_some(Self(members))
    }

    /// Writes these members after `others`, which are `count` members, or `others` alone if not all of them fit.
    pub(crate) fn write_after(
        self,
        others: &dyn fmt::Display,
        count: usize,
        limits: BaggageLimits,
        writer: &mut Writer<'_>,
    ) {
        let text = Shown(|f: &mut fmt::Formatter<'_>| {
            others.fmt(f)?;
            for (place, member) in self.0.iter().enumerate() {
                let comma = if place == 0 && count == 0 { "" } else { "," };
                write!(f, "{comma}{member}")?;
            }
            Ok(())
        });
        let mut len = Counter::default();
        let is_short = fmt::write(&mut len, format_args!("{text}")).is_ok() && len.0 <= limits.bytes;
        let own = self.0.iter().count();
        let reason = if is_short { OmitReason::TooManyMembers } else { OmitReason::TooLong };
        if is_short && own + count <= limits.members {
            writer.write(Field::Baggage, text);
        } else {
            writer.omit(Field::Baggage, reason, own as u32);
            writer.write(Field::Baggage, others);
        }
    }
}

/// Writes the members alone, where no format writes the baggage of others.
pub(crate) fn write_alone(context: &InjectContext<'_>, writer: &mut Writer<'_>) {
    if let Some(members) = Outgoing::of(context, writer) {
        members.write_after(&"", 0, BaggageLimits::W3C, writer);
    }
}
