//! The formats, and the attributes that contexts have in them.

use crate::known;
use crate::table::rows;

/// A format, as a column and as a section of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    W3c,
    B3,
    Datadog,
    Jaeger,
    Sw8,
    Sentry,
    Instana,
    NewRelic,
    Elastic,
    GrpcTraceBin,
    OtTrace,
    XRay,
    CloudTrace,
    Correlation,
}

impl Format {
    /// The formats in the order in which they are read. Further ones come before the correlation id.
    pub(crate) const ALL: &[Self] = &[
        Self::W3c,
        Self::B3,
        Self::Datadog,
        Self::Jaeger,
        Self::Sw8,
        Self::Sentry,
        Self::Instana,
        Self::NewRelic,
        Self::Elastic,
        Self::GrpcTraceBin,
        Self::OtTrace,
        Self::XRay,
        Self::CloudTrace,
        Self::Correlation,
    ];

    /// Returns whether nothing writes the format, so that it has no column.
    pub(crate) fn is_read_only(self) -> bool {
        self == Self::NewRelic
    }

    /// Returns the formats that can be written.
    pub(crate) fn written() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|format| !format.is_read_only())
    }

    /// Returns the names of all formats that can be written, in one list.
    pub(crate) fn written_names() -> String {
        Self::written().map(Self::names).collect::<Vec<_>>().join(",")
    }

    /// Returns the names of this format in a list. W3C baggage is written next to W3C trace context.
    pub(crate) const fn names(self) -> &'static str {
        match self {
            Self::W3c => "tracecontext,baggage",
            Self::B3 => "b3",
            Self::Datadog => "datadog",
            Self::Jaeger => "jaeger",
            Self::Sw8 => "sw8",
            Self::Sentry => "sentry",
            Self::Instana => "instana",
            Self::NewRelic => "newrelic",
            Self::Elastic => "elastic",
            Self::GrpcTraceBin => "grpc-trace-bin",
            Self::OtTrace => "ottrace",
            Self::XRay => "xray",
            Self::CloudTrace => "cloudtrace",
            Self::Correlation => "correlation:x-plumbr-transactionid",
        }
    }

    /// Returns its name for readers.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::W3c => "W3C",
            Self::B3 => "B3",
            Self::Datadog => "Datadog",
            Self::Jaeger => "Jaeger",
            Self::Sw8 => "sw8",
            Self::Sentry => "Sentry",
            Self::Instana => "Instana",
            Self::NewRelic => "New Relic",
            Self::Elastic => "Elastic",
            Self::GrpcTraceBin => "grpc-trace-bin",
            Self::OtTrace => "OpenTracing",
            Self::XRay => "X-Ray",
            Self::CloudTrace => "Cloud Trace",
            Self::Correlation => "correlation id",
        }
    }
}

/// Something that a context can say in some format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    TraceId,
    Width,
    SpanId,
    B3Parent,
    Decision,
    Debug,
    Deferred,
    Priority,
    Origin,
    Tags,
    LastSpan,
    Members,
    Random,
    JaegerFlags,
    Sw8Text,
    CorrelationText,
    Lineage,
    SamplingContext,
    Baggage,
}

impl Attribute {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::TraceId => "trace id, all 128 bits",
            Self::Width => "64-bit width of a trace id",
            Self::SpanId => "span of the caller",
            Self::B3Parent => "parent of the caller's span",
            Self::Decision => "sampled, not sampled",
            Self::Debug => "debug",
            Self::Deferred => "deferred",
            Self::Priority => "priority other than 0 and 1",
            Self::Origin => "origin",
            Self::Tags => "`_dd.p.*` tags",
            Self::LastSpan => "last Datadog span",
            Self::Members => "members of other vendors",
            Self::Random => "random flag",
            Self::JaegerFlags => "firehose and other flag bits",
            Self::Sw8Text => "text of an sw8 trace id",
            Self::CorrelationText => "text of a correlation id",
            Self::Lineage => "lineage",
            Self::SamplingContext => "dynamic sampling context",
            Self::Baggage => "baggage",
        }
    }

    /// Returns whether a context may have it only if it was received.
    pub(crate) const fn is_never_made_up(self) -> bool {
        use Attribute::*;
        matches!(
            self,
            Origin
                | Tags
                | Members
                | Random
                | JaegerFlags
                | Sw8Text
                | CorrelationText
                | Lineage
                | SamplingContext
                | Baggage
                | B3Parent
        )
    }
}

#[test]
fn ok_each_format_of_the_table_is_a_section_and_a_column() {
    let names = Format::ALL.iter().map(|format| format.names()).collect::<Vec<_>>().join(",");
    // The two encodings of B3 share one section.
    let kinds: Vec<_> =
        names.split(',').chain(["b3multi"]).map(|name| name.split(':').next().unwrap_or(name)).collect();
    for name in known::names() {
        assert!(kinds.contains(&name.as_str()), "add `{name}` to the formats of the table of pairs");
    }
    for format in Format::ALL {
        assert!(rows(*format).count() > 0, "{format:?} has no rows");
    }
}
