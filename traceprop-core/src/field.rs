//! The header fields that trace contexts travel in, and the matcher that finds them in one pass over a carrier.

mod name;
mod set;
mod watched;

use core::fmt;

pub use name::{FieldName, FieldNameError};
pub use set::FieldSet;
pub(crate) use watched::FieldNames;

/// Configured names (correlation headers, headers of a user's own format) that one propagator can watch for.
pub const MAX_CONFIGURED: usize = 8;

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A header field that some format reads or writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[doc = $doc])+ $name,)+
            /// A configured name, by its place among those of the propagator (0 to 7).
            Configured(u8),
        }

        impl Field {
            /// The fields with a fixed name.
            pub const BUILT_IN: &'static [Self] = &[$(Self::$name,)+];

            /// The lower-case name; `None` for a configured one. `uberctx-` stands for all names that begin so.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)+
                    Self::Configured(_) => None,
                }
            }
        }
    };
}

fields! {
    /// W3C `traceparent`.
    TraceParent = "traceparent",
    /// W3C `tracestate`.
    TraceState = "tracestate",
    /// W3C `baggage`.
    Baggage = "baggage",
    /// B3 in one header, `b3`.
    B3 = "b3",
    /// `X-B3-TraceId`.
    B3TraceId = "x-b3-traceid",
    /// `X-B3-SpanId`.
    B3SpanId = "x-b3-spanid",
    /// `X-B3-ParentSpanId`.
    B3ParentSpanId = "x-b3-parentspanid",
    /// `X-B3-Sampled`.
    B3Sampled = "x-b3-sampled",
    /// `X-B3-Flags`.
    B3Flags = "x-b3-flags",
    /// `x-datadog-trace-id`.
    DatadogTraceId = "x-datadog-trace-id",
    /// `x-datadog-parent-id`.
    DatadogParentId = "x-datadog-parent-id",
    /// `x-datadog-sampling-priority`.
    DatadogSamplingPriority = "x-datadog-sampling-priority",
    /// `x-datadog-origin`.
    DatadogOrigin = "x-datadog-origin",
    /// `x-datadog-tags`.
    DatadogTags = "x-datadog-tags",
    /// Jaeger's `uber-trace-id`.
    UberTraceId = "uber-trace-id",
    /// Jaeger's baggage, one header an item: all names that begin with `uberctx-`.
    UberContext = "uberctx-",
    /// `jaeger-baggage`.
    JaegerBaggage = "jaeger-baggage",
    /// `jaeger-debug-id`.
    JaegerDebugId = "jaeger-debug-id",
    /// SkyWalking's `sw8`.
    Sw8 = "sw8",
    /// `sw8-correlation`.
    Sw8Correlation = "sw8-correlation",
    /// `sw8-x`.
    Sw8Extension = "sw8-x",
}

const BUILT_IN_COUNT: usize = Field::BUILT_IN.len();

/// Places in a table with one for each field.
pub(crate) const FIELD_COUNT: usize = BUILT_IN_COUNT + MAX_CONFIGURED;

impl Field {
    /// The place of this field in a table of [`FIELD_COUNT`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        // Two questions in place of one, because each is then arithmetic, and not a jump to a piece of code for each field.
        let among_configured = match self {
            // A configured field is only ever made by the matcher, which has that many places.
            Self::Configured(place) => place as usize % MAX_CONFIGURED,
            _ => 0,
        };
        let first = match self {
            Self::TraceParent => 0,
            Self::TraceState => 1,
            Self::Baggage => 2,
            Self::B3 => 3,
            Self::B3TraceId => 4,
            Self::B3SpanId => 5,
            Self::B3ParentSpanId => 6,
            Self::B3Sampled => 7,
            Self::B3Flags => 8,
            Self::DatadogTraceId => 9,
            Self::DatadogParentId => 10,
            Self::DatadogSamplingPriority => 11,
            Self::DatadogOrigin => 12,
            Self::DatadogTags => 13,
            Self::UberTraceId => 14,
            Self::UberContext => 15,
            Self::JaegerBaggage => 16,
            Self::JaegerDebugId => 17,
            Self::Sw8 => 18,
            Self::Sw8Correlation => 19,
            Self::Sw8Extension => 20,
            Self::Configured(_) => BUILT_IN_COUNT,
        };
        first + among_configured
    }

    /// The field at a place of the table.
    #[cfg(feature = "alloc")]
    pub(crate) fn at(index: usize) -> Self {
        match Self::BUILT_IN.get(index) {
            Some(field) => *field,
            None => Self::Configured((index.saturating_sub(BUILT_IN_COUNT) % MAX_CONFIGURED) as u8),
        }
    }

    /// Whether the field holds text of the user's (baggage of any dialect), which leaves only where it is allowed.
    pub const fn is_baggage(self) -> bool {
        matches!(self, Self::Baggage | Self::UberContext | Self::JaegerBaggage | Self::Sw8Correlation)
    }

    /// Whether the field stands for all names with its prefix.
    pub(crate) const fn is_family(self) -> bool {
        matches!(self, Self::UberContext)
    }

    /// The built-in field with this name, in any letter case.
    ///
    /// ```
    /// use traceprop_core::Field;
    ///
    /// assert_eq!(Field::from_name("X-B3-TraceId"), Some(Field::B3TraceId));
    /// assert_eq!(Field::from_name("trace-parent"), None);
    /// ```
    #[inline]
    pub fn from_name(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        // Length and first letter leave one name to compare, so ordinary headers fall out here. Each comparison has a
        // length of its own that is known, so it takes a few words.
        let first = bytes.first()? | 0x20;
        let found = match (bytes.len(), first) {
            (2, b'b') => Self::B3.if_same(bytes, b"b3"),
            (3, b's') => Self::Sw8.if_same(bytes, b"sw8"),
            (5, b's') => Self::Sw8Extension.if_same(bytes, b"sw8-x"),
            (7, b'b') => Self::Baggage.if_same(bytes, b"baggage"),
            (10, b't') => Self::TraceState.if_same(bytes, b"tracestate"),
            (10, b'x') => Self::B3Flags.if_same(bytes, b"x-b3-flags"),
            (11, b't') => Self::TraceParent.if_same(bytes, b"traceparent"),
            (11, b'x') => Self::B3SpanId.if_same(bytes, b"x-b3-spanid"),
            (12, b'x') if bytes[5] | 0x20 == b't' => Self::B3TraceId.if_same(bytes, b"x-b3-traceid"),
            (12, b'x') => Self::B3Sampled.if_same(bytes, b"x-b3-sampled"),
            (13, b'u') => Self::UberTraceId.if_same(bytes, b"uber-trace-id"),
            (14, b'j') => Self::JaegerBaggage.if_same(bytes, b"jaeger-baggage"),
            (14, b'x') => Self::DatadogTags.if_same(bytes, b"x-datadog-tags"),
            (15, b'j') => Self::JaegerDebugId.if_same(bytes, b"jaeger-debug-id"),
            (15, b's') => Self::Sw8Correlation.if_same(bytes, b"sw8-correlation"),
            (16, b'x') => Self::DatadogOrigin.if_same(bytes, b"x-datadog-origin"),
            (17, b'x') => Self::B3ParentSpanId.if_same(bytes, b"x-b3-parentspanid"),
            (18, b'x') => Self::DatadogTraceId.if_same(bytes, b"x-datadog-trace-id"),
            (19, b'x') => Self::DatadogParentId.if_same(bytes, b"x-datadog-parent-id"),
            (27, b'x') => Self::DatadogSamplingPriority.if_same(bytes, b"x-datadog-sampling-priority"),
            _ => None,
        };
        match found {
            None if first == b'u' => Self::UberContext.family_of(name),
            found => found,
        }
    }

    /// Most carriers have their names in lower case, which is cheaper to tell.
    #[inline]
    fn if_same(self, name: &[u8], own: &[u8]) -> Option<Self> {
        if name == own { Some(self) } else { self.if_same_in_any_case(name, own) }
    }

    #[cold]
    fn if_same_in_any_case(self, name: &[u8], own: &[u8]) -> Option<Self> {
        name.eq_ignore_ascii_case(own).then_some(self)
    }

    /// Whether a built-in field has this name: [`Field::from_name`] for constants.
    pub(crate) const fn is_built_in(name: &str) -> bool {
        let name = name.as_bytes();
        let mut i = 0;
        while i < Self::BUILT_IN.len() {
            let field = Self::BUILT_IN[i];
            if let Some(known) = field.name() {
                let prefix = field.is_family() && name.len() > known.len();
                let (head, _) = name.split_at(if prefix { known.len() } else { name.len() });
                if is_same_name(head, known.as_bytes()) {
                    return true;
                }
            }
            i += 1;
        }
        false
    }

    /// This family, if `name` belongs to it and says more than the prefix.
    fn family_of(self, name: &str) -> Option<Self> {
        let prefix = self.name()?.as_bytes();
        let (head, rest) = name.as_bytes().split_at_checked(prefix.len())?;
        (!rest.is_empty() && head.eq_ignore_ascii_case(prefix)).then_some(self)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self) {
            (Some(name), _) => f.write_str(name),
            (None, Self::Configured(i)) => write!(f, "configured header {i}"),
            (None, _) => Ok(()),
        }
    }
}

/// Whether two names differ in case alone; for constants.
const fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    let mut i = 0;
    while i < one.len() && i < other.len() {
        if !one[i].eq_ignore_ascii_case(&other[i]) {
            return false;
        }
        i += 1;
    }
    one.len() == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_every_name_is_found_in_any_case() {
        for &field in Field::BUILT_IN {
            let name = field.name().unwrap();
            let mut buffer = [0; 32];
            let text = &mut buffer[..name.len() + 1];
            text[..name.len()].copy_from_slice(name.as_bytes());
            text[name.len()] = b'k';
            let end = if field.is_family() { name.len() + 1 } else { name.len() };
            let text = &mut text[..end];
            assert_eq!(Field::from_name(core::str::from_utf8(text).unwrap()), Some(field));
            text.make_ascii_uppercase();
            assert_eq!(Field::from_name(core::str::from_utf8(text).unwrap()), Some(field));
        }
    }

    #[test]
    fn err_find_ordinary_and_similar_names() {
        for name in ["", "host", "trace-parent", "x-b3-traceie", "uberctx-", "b4", "x-b3-sample", "x_datadog_tags"] {
            assert_eq!(Field::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn ok_built_in_names_are_known_in_constants_too() {
        for name in ["TraceParent", "sw8", "X-B3-TRACEID", "uberctx-tenant", "sw80", "host", "trace-parent", "b", ""] {
            assert_eq!(Field::is_built_in(name), Field::from_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn ok_index_is_a_place_of_its_own() {
        for (place, field) in Field::BUILT_IN.iter().enumerate() {
            assert_eq!(field.index(), place);
        }
        assert_eq!(Field::Configured(7).index(), FIELD_COUNT - 1);
    }
}
