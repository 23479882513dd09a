// Datadog's tracer. Configurations are its styles of propagation.
'use strict'

const { serve, asObject, config } = require('./protocol')

process.env.DD_TRACE_PROPAGATION_STYLE = {
  datadog: 'datadog',
  'ot-baggage': 'datadog',
  w3c: 'tracecontext,baggage',
  b3: 'b3 single header',
  b3multi: 'b3multi',
  default: 'datadog,tracecontext,baggage'
}[config]
Object.assign(process.env, {
  DD_TRACE_AGENT_URL: 'http://127.0.0.1:9',
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
  DD_REMOTE_CONFIGURATION_ENABLED: 'false',
  DD_TRACE_STARTUP_LOGS: 'false',
  DD_CRASHTRACKING_ENABLED: 'false'
})
const tracer = require('dd-trace').init({ plugins: false, flushInterval: 1000000 })

const hasPriority = !config.startsWith('b3')

function fields (context) {
  const priority = context._sampling?.priority
  const tags = Object.entries(context._trace?.tags ?? {})
  return {
    trace_id: context.toTraceId(true),
    span_id: context.toSpanId(true),
    sampled: priority === undefined ? null : priority > 0,
    priority: priority ?? null,
    origin: context._trace?.origin ?? null,
    tags: Object.fromEntries(tags.filter(([key]) => key.startsWith('_dd.p.') && key !== '_dd.p.tid'))
  }
}

function write (span) {
  const headers = {}
  tracer.inject(span, 'http_headers', headers)
  const answer = { headers: Object.entries(headers), ...fields(span.context()) }
  if (!hasPriority) {
    for (const key of ['priority', 'origin', 'tags']) delete answer[key]
  }
  span.finish()
  return answer
}

function inject ({ sampled, baggage = {} }) {
  tracer.removeAllBaggageItems()
  const span = tracer.startSpan('root')
  span.setTag(sampled ? 'manual.keep' : 'manual.drop', true)
  // Baggage of a span is sent as ot-baggage-*, in every style; that of the tracer as W3C's.
  const holder = config === 'ot-baggage' ? span : tracer
  for (const [key, value] of Object.entries(baggage)) holder.setBaggageItem(key, value)
  return write(span)
}

function read (headers) {
  tracer.removeAllBaggageItems()
  return tracer.extract('http_headers', asObject(headers))
}

function extract ({ headers }) {
  const context = read(headers)
  if (!context?._traceId) return {}
  const baggage = config === 'ot-baggage' ? context._baggageItems : tracer.getAllBaggageItems()
  return { ...fields(context), baggage: { ...baggage } }
}

function through ({ headers }) {
  const caller = read(headers)
  return { ...write(tracer.startSpan('child', { childOf: caller })), parent: caller.toSpanId(true) }
}

serve('dd-trace-js', 'dd-trace', { inject, extract, through })
