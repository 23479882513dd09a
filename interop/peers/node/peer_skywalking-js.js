// SkyWalking's agent, with its plugins off.
'use strict'

const { serve, asObject, config } = require('./protocol')

// A closed port. Segments are dropped. A large buffer, since the limit of unsent segments would stop new traces.
const agent = require('skywalking-backend-js')
const { config: settings } = agent
Object.assign(settings, {
  serviceName: 'interop',
  serviceInstance: 'interop-1',
  collectorAddress: '127.0.0.1:9',
  disablePlugins: '*',
  maxBufferSize: 1000000
})
require('skywalking-backend-js/lib/config/AgentConfig').finalizeConfig(settings)
const { ContextCarrier } = require('skywalking-backend-js/lib/trace/context/ContextCarrier')
const { Component } = require('skywalking-backend-js/lib/trace/Component')
const SpanContext = require('skywalking-backend-js/lib/trace/context/SpanContext').default

function write (context) {
  const span = context.newExitSpan('/interop', Component.HTTP)
  span.peer = 'peer.test:80'
  span.start()
  const carrier = span.inject()
  const answer = {
    headers: carrier.items.map(item => [item.key, item.value]),
    trace_text: String(carrier.traceId),
    segment_id: String(carrier.segmentId),
    span_number: carrier.spanId
  }
  span.stop()
  return answer
}

function inject () {
  const context = new SpanContext()
  const entry = context.newEntrySpan('/root')
  entry.start()
  try {
    return write(context)
  } finally {
    entry.stop()
  }
}

function read (headers) {
  return ContextCarrier.from(asObject(headers))
}

function extract ({ headers }) {
  const context = new SpanContext()
  const entry = context.newEntrySpan('/entry', read(headers))
  entry.start()
  const [caller] = entry.refs ?? []
  entry.stop()
  if (!caller) return {}
  return {
    trace_text: String(caller.traceId),
    segment_id: String(caller.segmentId),
    span_number: caller.spanId
  }
}

function through ({ headers }) {
  const context = new SpanContext()
  const entry = context.newEntrySpan('/entry', read(headers))
  entry.start()
  try {
    return write(context)
  } finally {
    entry.stop()
  }
}

serve('skywalking-js', 'skywalking-backend-js', { inject, extract, through })
