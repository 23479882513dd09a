//! Requests that a fleet has to get right in which hardly two services speak the same dialect.

use traceprop_core::formats::sw8::trace_id_text;

use super::{Request, came_to, continued, ensure};

/// A trace id as SkyWalking's Java agent makes it. It stands in base64 in the header below.
const SW8_TRACE: &str = "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774";

/// As in 2016: capitals, and no version that a UUID should have.
const TRANSACTION: &str = "D19931BB-F235-4DCB-2E2F-B9D31225D62E";

pub const REQUESTS: &[Request] = &[
    Request {
        to: "edge",
        title: "A browser with Datadog's RUM agent: B3 and Jaeger have its trace; its origin comes back behind W3C",
        headers: &[
            ("x-datadog-trace-id", "11330031342388917060"),
            ("x-datadog-parent-id", "3105808763865489489"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-origin", "rum"),
            ("traceparent", "00-00000000000000009d3c5b7a11223344-2b1a0c9d8e7f6051-01"),
            ("tracestate", "dd=s:1;o:rum"),
        ],
        expect: |edge| {
            continued(edge, "00000000000000009d3c5b7a11223344")?;
            ensure(came_to(edge, "orders", "b3").is_some(), "orders was not called in B3")?;
            ensure(came_to(edge, "stock", "uber-trace-id").is_some(), "stock was not called in Jaeger's words")?;
            let words = [("x-datadog-origin", "rum"), ("x-datadog-sampling-priority", "1")];
            let back = words.iter().all(|(name, value)| came_to(edge, "billing", name) == Some(value));
            ensure(back, "Datadog's words did not come back")
        },
    },
    Request {
        to: "shop",
        title: "A SkyWalking agent: behind mail, which knows W3C alone, its trace id is the same text again",
        headers: &[(
            "sw8",
            "1-NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0MjIxOTgxMDgzODM3NzQ=\
             -NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0NjUyMDQwMTI4NjE2ODA=\
             -3-bWFsbA==-bWFsbC0x-R0VUOi9jYXJ0-c2hvcDo4MA==",
        )],
        expect: |shop| {
            continued(shop, "4afaa8a6631c4ac0987c5eac5f86140e")?;
            let came = came_to(shop, "payments", "sw8").and_then(|value| trace_id_text(value.as_bytes()));
            ensure(came.is_some_and(|text| text == SW8_TRACE), "the trace id of sw8 changed its text")
        },
    },
    Request {
        to: "shop",
        title: "A correlation id of 2016: it is the trace id of all, and legacy gets it byte for byte",
        headers: &[("X-Plumbr-TransactionId", TRANSACTION)],
        expect: |shop| {
            continued(shop, "d19931bbf2354dcb2e2fb9d31225d62e")?;
            let came = came_to(shop, "legacy", "x-plumbr-transactionid");
            ensure(came == Some(TRANSACTION), "the correlation id changed its text")
        },
    },
];
