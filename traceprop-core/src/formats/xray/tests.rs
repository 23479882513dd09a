use crate::{Allow, Extraction, IdBits, InjectOptions, OwnedContext, Pairs, Propagator, Trust};
use std::format;
use std::string::{String, ToString};

const ROOT: &str = "Root=1-67891204-edfd17dba1f976ec9b1bf481";
const SPAN: &str = "b7ad6b7169203331";

fn propagator(trust: Trust) -> Propagator {
    Propagator::from_names("tracecontext,xray", "xray").unwrap().with_trust(trust)
}

fn get(headers: &Pairs) -> Option<String> {
    headers.get("x-amzn-trace-id").map(str::to_owned)
}

/// What a span of this service writes, borrowed and owned.
fn called(extraction: &Extraction<'_>, options: &InjectOptions<'_>) -> String {
    let propagator = propagator(Trust::Continue);
    let span = extraction.new_span(&|| IdBits::random(0xb7ad_6b71_6920_3331));
    let (mut borrowed, mut owned) = (Pairs::new(), Pairs::new());
    let report = propagator.inject(&span, options, &mut borrowed).to_string();
    let context = OwnedContext::from_span(extraction, &span);
    assert_eq!(propagator.inject(&context, options, &mut owned).to_string(), report);
    assert_eq!(borrowed, owned);
    get(&borrowed).unwrap()
}

fn passed(extraction: &Extraction<'_>, options: &InjectOptions<'_>) -> Option<String> {
    let propagator = propagator(Trust::Continue);
    let (mut borrowed, mut owned) = (Pairs::new(), Pairs::new());
    propagator.inject(extraction.passthrough(), options, &mut borrowed);
    propagator.inject(&OwnedContext::from_passthrough(extraction), options, &mut owned);
    assert_eq!(borrowed, owned);
    get(&borrowed)
}

#[test]
fn ok_a_child_writes_lineage_and_allowed_fields() {
    let request = [("x-amzn-trace-id", &*format!("Self=x;A=1;Lineage=2:a:3;{ROOT};B=2;Sampled=1"))];
    let propagator = propagator(Trust::Continue);
    let extraction = propagator.extract(&request);
    let child = format!("{ROOT};Parent={SPAN};Sampled=1");
    assert_eq!(called(&extraction, &InjectOptions::new()), format!("{child};Lineage=2:a:3"));
    let options = InjectOptions::new().allow_baggage(Allow::Only(&["B"]));
    assert_eq!(called(&extraction, &options), format!("{child};Lineage=2:a:3;B=2"));
    assert_eq!(called(&extraction, &InjectOptions::everything()), format!("{child};A=1;Lineage=2:a:3;B=2"));
    let span = extraction.new_span(&|| IdBits::random(7));
    let mut headers = Pairs::new();
    let report = propagator.inject(&span, &options, &mut headers);
    assert_eq!(report.to_string(), "x-amzn-trace-id: 1 member omitted (not-allowed)");
}

#[test]
fn ok_a_passthrough_forwards_the_line_if_all_of_it_is_allowed() {
    let propagator = propagator(Trust::Continue);
    let whole = format!("Self=x;{ROOT};Sampled=?;A=1");
    let request = [("x-amzn-trace-id", &*whole)];
    let extraction = propagator.extract(&request);
    assert_eq!(passed(&extraction, &InjectOptions::everything()), Some(whole.clone()));
    assert_eq!(passed(&extraction, &InjectOptions::new()).as_deref(), Some(ROOT));
    // A second value is not checked, so it is not forwarded.
    for request in [
        [("x-amzn-trace-id", &*whole), ("x-amzn-trace-id", "Root=x;Secret=1")],
        [("x-amzn-trace-id", &*format!("{whole},Root=x;Secret=1")), ("accept", "x")],
    ] {
        let extraction = propagator.extract(&request);
        assert_eq!(passed(&extraction, &InjectOptions::everything()), Some(format!("{ROOT};A=1")));
    }
    assert_eq!(
        passed(&propagator.extract(&[("x-amzn-trace-id", "Sampled=0")]), &InjectOptions::new()).as_deref(),
        Some("Sampled=0")
    );
}

#[test]
fn ok_a_line_that_is_only_read_goes_on_without_the_fields_that_are_not_allowed() {
    let propagator = Propagator::from_names("xray,tracecontext", "tracecontext").unwrap();
    let request = [(
        "x-amzn-trace-id",
        &*format!("Self=x; {ROOT};Parent=83c3ec2055daf222;Sampled=? ;A=1;;Lineage=2:a:3;B = 2; C"),
    )];
    let extraction = propagator.extract(&request);
    let passed = |options: &InjectOptions<'_>| {
        let mut headers = Pairs::new();
        let report = propagator.inject(extraction.passthrough(), options, &mut headers).to_string();
        (headers.get("x-amzn-trace-id").unwrap().to_string(), report)
    };
    let kept = format!("Self=x;{ROOT};Parent=83c3ec2055daf222;Sampled=?;Lineage=2:a:3");
    assert_eq!(
        passed(&InjectOptions::new()),
        (kept.clone(), "x-amzn-trace-id: 3 members omitted (not-allowed)".to_string())
    );
    let options = InjectOptions::new().allow_baggage(Allow::Only(&["B"]));
    let report = "x-amzn-trace-id: 2 members omitted (not-allowed)".to_string();
    assert_eq!(passed(&options), (format!("{kept};B = 2"), report));
    assert_eq!(passed(&InjectOptions::everything()).0, request[0].1, "byte for byte");
}

#[test]
fn ok_a_header_that_is_removed_whole_is_not_told_as_a_member() {
    let propagator = Propagator::from_names("xray", "tracecontext").unwrap();
    let request = [("x-amzn-trace-id".to_string(), format!("{ROOT};Parent=83c3ec2055daf222;A=1;B=2"))];
    let extraction = propagator.extract_with_trust(&request, Trust::Resample);
    let options = InjectOptions::new().keep_formats(&["xray"]);
    let report = propagator.inject(extraction.passthrough(), &options, &mut request.to_vec()).to_string();
    assert_eq!(report, "x-amzn-trace-id: omitted (not-allowed)");
}

#[test]
fn ok_lineage_and_fields_are_kept_in_another_trace() {
    let request = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-amzn-trace-id", &*format!("{ROOT};Lineage=2:a:3;A=1")),
    ];
    let everything = InjectOptions::everything();
    let other = format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={SPAN};Sampled=1;Lineage=2:a:3;A=1");
    assert_eq!(called(&propagator(Trust::Continue).extract(&request), &everything), other);
    let ids = "Root=1-b7ad6b71-69203331b7ad6b7169203331";
    let restarted = format!("{ids};Parent={SPAN};Sampled=1;Lineage=2:a:3;A=1");
    assert_eq!(called(&propagator(Trust::Restart).extract(&request), &everything), restarted);
    let ignored = format!("{ids};Parent={SPAN};Sampled=1");
    assert_eq!(called(&propagator(Trust::Ignore).extract(&request), &everything), ignored);
}

#[test]
fn ok_an_allow_list_keeps_the_bytes_of_what_stays() {
    let request = [("x-amzn-trace-id", &*format!("A=1; B = 2 ;{ROOT};Lineage=2:a:3"))];
    let propagator = propagator(Trust::Continue);
    let extraction = propagator.extract(&request);
    let span = extraction.new_span(&|| IdBits::random(7));
    let context = OwnedContext::from_span(&extraction, &span).filter_baggage(Allow::Only(&["B"]));
    assert!(context.xray().unwrap().fields().eq([("B", "2"), ("Lineage", "2:a:3")]));
}

#[test]
fn ok_an_open_decision_crosses_a_hop_that_knows_only_w3c() {
    let first = Propagator::from_names("xray", "tracecontext").unwrap();
    let request = [("x-amzn-trace-id", &*format!("{ROOT};Parent=83c3ec2055daf222"))];
    let extraction = first.extract(&request);
    let caller = extraction.context().unwrap();
    let mut between = Pairs::new();
    first.inject(
        &extraction.span_with_ids(caller.trace_id, SPAN.parse().unwrap()),
        &InjectOptions::new(),
        &mut between,
    );
    assert_eq!(between.get("tracestate"), Some("tp=1;9b1bf481;f"));
    assert_eq!(
        passed(&propagator(Trust::Continue).extract(&between), &InjectOptions::new()),
        Some(format!("{ROOT};Parent={SPAN}"))
    );
}

#[test]
fn ok_a_root_alone_ranks_after_a_correlation_id() {
    let id = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    for list in ["xray,correlation:x-request-id", "correlation:x-request-id,xray"] {
        let propagator = Propagator::from_names(list, "none").unwrap();
        let source = |root: &str| {
            let request = [("x-amzn-trace-id", root), ("x-request-id", id)];
            let report = propagator.explain(&request);
            (report.source_format().unwrap().to_owned(), report.to_string())
        };
        let (format, shown) = source(ROOT);
        assert_eq!(format, "correlation:x-request-id", "{list}");
        let request = [("x-amzn-trace-id", ROOT), ("x-request-id", id)];
        assert_eq!(propagator.explain(&request).conflicting().count(), 0);
        assert!(shown.contains("xray: passed on") && !shown.contains("67891204"), "{shown}");
        let (format, _) = source(&format!("{ROOT};Parent=83c3ec2055daf222"));
        assert_eq!(format == "xray", list.starts_with("xray"));
    }
}

#[test]
fn ok_a_root_alone_makes_no_link_and_no_conflict() {
    let propagator = propagator(Trust::Continue);
    for (parent, count) in [("", 0), (";Parent=83c3ec2055daf222", 1)] {
        let request = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-amzn-trace-id", &*format!("{ROOT}{parent}")),
        ];
        let report = propagator.explain(&request);
        assert_eq!((report.conflicting().count(), report.extraction().links().count()), (count, count));
        let other = report.to_string().contains("xray: different trace 67891204edfd17dba1f976ec9b1bf481");
        assert_eq!(other, count == 1);
    }
}
