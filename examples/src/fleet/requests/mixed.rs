//! Requests for the fleet whose services use different formats.

use traceprop_core::formats::sw8::trace_id_text;

use super::{Request, continued, ensure, received_by};

/// A trace id of SkyWalking's Java agent. The header below contains it in base64.
const SW8_TRACE: &str = "4afaa8a6341c4ac086962a353a63290e.87.17422198108383774";

/// An id of 2016: uppercase, with an invalid UUID version.
const TRANSACTION: &str = "D19931BB-F235-4DCB-2E2F-B9D31225D62E";

pub const REQUESTS: &[Request] = &[
    Request {
        to: "edge",
        title: "A browser with Datadog's RUM agent: B3 and Jaeger continue its trace; its origin is restored after W3C",
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
            ensure(received_by(edge, "orders", "b3").is_some(), "orders was not called in B3")?;
            ensure(received_by(edge, "stock", "uber-trace-id").is_some(), "stock was not called in Jaeger's format")?;
            let fields = [("x-datadog-origin", "rum"), ("x-datadog-sampling-priority", "1")];
            let back = fields.iter().all(|(name, value)| received_by(edge, "billing", name) == Some(value));
            ensure(back, "Datadog's fields were not restored")
        },
    },
    Request {
        to: "shop",
        title: "A SkyWalking agent: its trace id has the same text after mail, which reads W3C only",
        headers: &[(
            "sw8",
            "1-NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0MjIxOTgxMDgzODM3NzQ=\
             -NGFmYWE4YTYzNDFjNGFjMDg2OTYyYTM1M2E2MzI5MGUuODcuMTc0NjUyMDQwMTI4NjE2ODA=\
             -3-bWFsbA==-bWFsbC0x-R0VUOi9jYXJ0-c2hvcDo4MA==",
        )],
        expect: |shop| {
            continued(shop, "4afaa8a6631c4ac0987c5eac5f86140e")?;
            let received = received_by(shop, "payments", "sw8").and_then(|value| trace_id_text(value.as_bytes()));
            ensure(received.is_some_and(|text| text == SW8_TRACE), "the text of the sw8 trace id changed")
        },
    },
    Request {
        to: "shop",
        title: "A correlation id of 2016: it becomes the trace id, and legacy receives it byte for byte",
        headers: &[("X-Plumbr-TransactionId", TRANSACTION)],
        expect: |shop| {
            continued(shop, "d19931bbf2354dcb2e2fb9d31225d62e")?;
            let received = received_by(shop, "legacy", "x-plumbr-transactionid");
            ensure(received == Some(TRANSACTION), "the text of the correlation id changed")
        },
    },
];
