// OpenTelemetry's SDK with its propagators.
'use strict'

const { ROOT_CONTEXT, TraceFlags, defaultTextMapGetter, defaultTextMapSetter, propagation, trace } = require('@opentelemetry/api')
const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } = require('@opentelemetry/core')
const { AWSXRayPropagator } = require('@opentelemetry/propagator-aws-xray')
const { B3InjectEncoding, B3Propagator } = require('@opentelemetry/propagator-b3')
const { JaegerPropagator } = require('@opentelemetry/propagator-jaeger')
const { OTTracePropagator } = require('@opentelemetry/propagator-ot-trace')
const { AlwaysOffSampler, AlwaysOnSampler, BasicTracerProvider, ParentBasedSampler } = require('@opentelemetry/sdk-trace-base')

const { serve, asObject, config } = require('./protocol')

const propagator = {
  w3c: () => new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  mixed: () => new CompositePropagator({
    propagators: [
      new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
      new JaegerPropagator(),
      new W3CTraceContextPropagator(),
      new W3CBaggagePropagator()
    ]
  }),
  b3: () => new B3Propagator({ injectEncoding: B3InjectEncoding.SINGLE_HEADER }),
  b3multi: () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
  jaeger: () => new JaegerPropagator(),
  ottrace: () => new OTTracePropagator(),
  xray: () => new AWSXRayPropagator()
}[config]()

function tracer (root) {
  return new BasicTracerProvider({ sampler: new ParentBasedSampler({ root }) }).getTracer('interop')
}
const samples = tracer(new AlwaysOnSampler())
const samplesNothing = tracer(new AlwaysOffSampler())

function ids (context) {
  return {
    trace_id: context.traceId,
    span_id: context.spanId,
    sampled: (context.traceFlags & TraceFlags.SAMPLED) !== 0
  }
}

function write (span, context) {
  const headers = {}
  propagator.inject(trace.setSpan(context, span), headers, defaultTextMapSetter)
  return { headers: Object.entries(headers), ...ids(span.spanContext()) }
}

function inject ({ sampled, baggage = {} }) {
  const entries = Object.entries(baggage).map(([key, value]) => [key, { value }])
  const context = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(Object.fromEntries(entries)))
  return write((sampled ? samples : samplesNothing).startSpan('root', {}, context), context)
}

function read (headers) {
  return propagator.extract(ROOT_CONTEXT, asObject(headers), defaultTextMapGetter)
}

function extract ({ headers }) {
  const context = read(headers)
  const caller = trace.getSpanContext(context)
  if (!caller) return {}
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? []
  const baggage = Object.fromEntries(entries.map(([key, { value }]) => [key, value]))
  return { ...ids(caller), baggage }
}

function through ({ headers }) {
  const context = read(headers)
  const span = samples.startSpan('child', {}, context)
  return { ...write(span, context), parent: trace.getSpanContext(context)?.spanId }
}

serve('opentelemetry-js', '@opentelemetry/sdk-trace-base', { inject, extract, through })
