//! The services on the way: ours, with every format to read and one to write, and others that know W3C alone.

use std::sync::LazyLock;

use traceprop_core::formats::sw8::Sw8;
use traceprop_core::{InjectOptions, OwnedContext, Pairs, Propagator, SpanId, Trust};

use crate::format::Format;

/// Lines of a request.
pub(crate) type Lines = Vec<(String, String)>;

/// The header of correlation ids.
pub(crate) const CORRELATION: &str = "x-plumbr-transactionid";

/// The key of the member that a foreign hop adds.
pub(crate) const HOP: &str = "hop";

/// The spans of the services, in order.
pub(crate) const FIRST: u64 = 0xb7ad_6b71_6920_3331;
pub(crate) const SECOND: u64 = 0x0020_0000_0000_0b0b;
pub(crate) const BETWEEN: u64 = 0x1111_2222_3333_4444;

/// A service of ours that reads every format and writes one; of B3, one of its encodings.
pub(crate) struct Edge(Propagator);

static EDGES: LazyLock<Vec<Edge>> = LazyLock::new(|| {
    let names = Format::ALL.iter().map(|format| if format.is_read_only() { "none" } else { format.names() });
    let names = names.chain(["b3multi"]);
    names.map(|names| Edge(propagator(names, Trust::Continue))).collect()
});

/// Creates a propagator that reads every format and writes these.
pub(crate) fn propagator(inject: &str, behavior: Trust) -> Propagator {
    let builder = Propagator::builder().define(Sw8::new("cart", "cart-1")).trust(behavior);
    let builder = builder.names(&format!("all,correlation:{CORRELATION}"), inject).expect("known names");
    builder.build().expect("a propagator")
}

impl Edge {
    pub(crate) fn writes(format: Format, multi: bool) -> &'static Self {
        let place = Format::ALL.iter().position(|known| *known == format).expect("one of all");
        &EDGES[if multi && format == Format::B3 { Format::ALL.len() } else { place }]
    }

    pub(crate) const fn propagator(&self) -> &Propagator {
        &self.0
    }

    /// Returns the headers of a call by a participant with this span. Its context has crossed an await.
    pub(crate) fn calls(&self, request: &Lines, span: u64) -> Lines {
        let owned = self.context(request, span);
        let mut headers = Pairs::new();
        self.0.inject(&owned.span().expect("a span"), &InjectOptions::everything(), &mut headers);
        headers.into_iter().collect()
    }

    /// Returns what it knows of the request.
    pub(crate) fn context(&self, request: &Lines, span: u64) -> OwnedContext {
        let extraction = self.0.extract(request);
        let trace_id = extraction.context().expect("a trace was received").trace_id;
        let span = extraction.span_with_ids(trace_id, SpanId::new(span).expect("an id"));
        OwnedContext::from_span(&extraction, &span)
    }

    /// Returns what a service without spans forwards in the format that it writes. Lines of others it forwards as they are.
    pub(crate) fn forwards(&self, request: &Lines) -> Lines {
        let owned = OwnedContext::from_passthrough(&self.0.extract(request));
        let mut headers = Pairs::new();
        self.0.inject(&owned, &InjectOptions::everything(), &mut headers);
        let is_written = |name: &str| {
            let mut fields = self.0.inject_fields();
            fields.any(|field| name == field || (field.ends_with('-') && name.starts_with(field)))
        };
        headers.into_iter().filter(|(name, _)| is_written(name)).collect()
    }
}

/// Returns what a foreign service writes that knows only traceparent and tracestate.
///
/// It makes its own span and puts its own member before the received ones. `flags` is its decision, if it makes one.
pub(crate) fn hop(request: &Lines, flags: Option<&str>) -> Lines {
    let find = |wanted: &str| request.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let parts: Vec<&str> = find("traceparent").expect("a trace").split('-').collect();
    let flags = flags.unwrap_or(parts[3]);
    let mut state = vec![format!("{HOP}={BETWEEN:x}")];
    state.extend(find("tracestate").iter().flat_map(|members| members.split(',')).map(str::to_owned));
    let mut headers = vec![
        ("traceparent".to_owned(), format!("00-{}-{BETWEEN:016x}-{flags}", parts[1])),
        ("tracestate".to_owned(), state.join(",")),
    ];
    headers.extend(find("baggage").map(|members| ("baggage".to_owned(), members.to_owned())));
    headers
}
