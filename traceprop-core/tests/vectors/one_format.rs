//! Drives the cases of a file about one format.

use traceprop_core::format::FormatRef;
use traceprop_core::report::ExtractReport;
use traceprop_core::{InjectOptions, OwnedContext, Propagator};

use crate::case::{Case, Differences, Op, ToInject, Verdict};

/// Checks a case with a propagator that has only `format`.
///
/// `compare` compares what the format alone reads. `own` returns the context to write, if the case has a trace and the
/// format writes it with a span. Anything else is forwarded.
pub(crate) fn check(
    case: &Case,
    format: impl Into<FormatRef>,
    compare: impl FnOnce(&ExtractReport<'_>, &mut Differences),
    own: impl FnOnce(&ToInject) -> Option<OwnedContext>,
) -> Verdict {
    let propagator = Propagator::builder().with_format(format).build().expect("one format");
    let mut differences = Differences::default();
    match case.op() {
        Op::Extract => {
            let headers = case.headers();
            let report = propagator.explain(&headers);
            case.compare_outcome(&report.entries().next().expect("one format").parsed.outcome(), &mut differences);
            compare(&report, &mut differences);
        }
        Op::Inject => {
            let fields = case.context();
            let has_trace = fields.text("outcome") == Some("context");
            let context = ToInject::of(fields);
            let options = InjectOptions::everything();
            let mut headers = case.carrier();
            let _ = match if has_trace { own(&context) } else { None } {
                Some(owned) => propagator.inject(&owned, &options, &mut headers),
                None => context.forward(&propagator, &options, &mut headers),
            };
            case.compare_headers(&headers, &mut differences);
        }
    }
    differences.verdict()
}

/// Returns the context of a span without data of its own.
pub(crate) fn span(context: &ToInject) -> Option<OwnedContext> {
    context.span().map(OwnedContext::new)
}
