// Sentry's SDK, alone and with a traceparent beside its own header.
'use strict'

const { getDynamicSamplingContextFromSpan } = require('@sentry/core')
const Sentry = require('@sentry/node')

const { serve, asObject, config } = require('./protocol')

let samples = true
Sentry.init({
  dsn: 'http://key@127.0.0.1:9/1',
  defaultIntegrations: false,
  tracesSampler: ({ parentSampled }) => parentSampled ?? samples,
  transport: () => ({ send: async () => ({}), flush: async () => true })
})

// Values are text in a header.
function textOf (members = {}) {
  const known = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known.map(([key, value]) => [key, String(value)]))
}

function write (span) {
  const headers = Sentry.getTraceData({ span, propagateTraceparent: config === 'traceparent' })
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    headers: Object.entries(headers).filter(([, value]) => value !== undefined),
    trace_id: traceId,
    span_id: spanId,
    sampled: traceFlags === 1,
    sampling_context: textOf(getDynamicSamplingContextFromSpan(span))
  }
}

function inject ({ sampled }) {
  samples = sampled
  return Sentry.startNewTrace(() => Sentry.startSpan({ name: 'root' }, write))
}

function continued (headers, callback) {
  const { 'sentry-trace': sentryTrace, baggage } = asObject(headers)
  return Sentry.continueTrace({ sentryTrace, baggage }, callback)
}

function extract ({ headers }) {
  return continued(headers, () => {
    const caller = Sentry.getCurrentScope().getPropagationContext()
    if (!caller.parentSpanId) return {}
    return {
      trace_id: caller.traceId,
      span_id: caller.parentSpanId,
      sampled: caller.sampled ?? null,
      sampling_context: textOf(caller.dsc)
    }
  })
}

function through ({ headers }) {
  return continued(headers, () => Sentry.startSpan({ name: 'child' }, span => {
    return { ...write(span), parent: Sentry.spanToJSON(span).parent_span_id }
  }))
}

serve('sentry-js', '@sentry/node', { inject, extract, through })
