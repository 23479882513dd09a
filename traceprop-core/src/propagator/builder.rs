//! The builder of propagators. Only its errors tell that a configuration is invalid.

use super::error::{ConfigError, ConfigList, ConfigWord};
use super::list::FormatList;
use super::{Options, Propagator};
use crate::context::Trust;
use crate::field::{FieldNames, InvalidHeaderName, ROWS};
use crate::format::{Format, FormatRef};
use crate::formats::BUILT_IN;
use crate::id::TraceIdMatch;
use crate::wire::debug_as;

/// One of the two lists, and what errors tell about it.
#[derive(Clone)]
pub(super) struct ListConfig {
    pub(super) formats: FormatList,
    /// The list may be empty.
    pub(super) allows_none: bool,
    /// The variable with the list, and the text of the list.
    pub(super) variable: Option<&'static str>,
    text: ConfigWord,
}

impl ListConfig {
    const fn new() -> Self {
        Self { formats: FormatList::new(), allows_none: false, variable: None, text: ConfigWord::EMPTY }
    }
}

/// Builds a [`Propagator`] from formats, lists of names or environment variables.
///
/// # Examples
///
/// ```
/// use traceprop_core::formats::{baggage::W3cBaggage, tracecontext::W3cTraceContext};
/// use traceprop_core::{Propagator, Trust};
///
/// static TRACE_CONTEXT: W3cTraceContext = W3cTraceContext::new().allow_multiple_traceparent();
/// static BAGGAGE: W3cBaggage = W3cBaggage::new();
///
/// let edge = Propagator::builder()
///     .with_format(&TRACE_CONTEXT)
///     .with_format(&BAGGAGE)
///     .trust(Trust::Restart)
///     .build()?;
/// assert!(edge.extract_names().eq(["tracecontext", "baggage"]));
/// # Ok::<(), traceprop_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PropagatorBuilder {
    pub(super) extract: ListConfig,
    pub(super) inject: ListConfig,
    /// Formats that preserve data in the tracestate. A list, not a flag: a program that never asks for it links no format
    /// that it does not name.
    preserving: &'static [&'static dyn Format],
    /// The formats that names mean instead of the built-in instances.
    defined: FormatList,
    /// The format for contexts that no format supplied, if the others are written in the one that did.
    received_or: Option<FormatRef>,
    options: Options,
    overflow: bool,
}

debug_as!(PropagatorBuilder, |it| extract: it.extract.formats, inject: it.inject.formats, options: it.options);

impl PropagatorBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            extract: ListConfig::new(),
            inject: ListConfig::new(),
            preserving: &[],
            defined: FormatList::new(),
            received_or: None,
            options: Options::DEFAULT,
            overflow: false,
        }
    }

    /// Reads `format`. The formats added first take precedence.
    ///
    /// The encodings of a format, such as `b3` and `b3multi`, share a reader at the place of the first.
    pub fn extract(mut self, format: impl Into<FormatRef>) -> Self {
        self.overflow |= !self.extract.formats.push_reader(format.into());
        self
    }

    /// Writes `format`.
    pub fn inject(mut self, format: impl Into<FormatRef>) -> Self {
        self.overflow |= !self.inject.formats.push(format.into());
        self
    }

    /// Writes each context in the format that supplied it, and `default` for a trace that no format supplied.
    ///
    /// It is for a gateway with callers of different formats, whose upstreams read what the callers write. Kong calls it
    /// `preserve`. It chooses among the formats of this builder that are read, each in the encoding that was received.
    /// Formats that this builder also injects are written in addition. W3C baggage and correlation ids that are read are
    /// written where a call allows them.
    ///
    /// `default` is also written if the context is from a format that cannot be written, such as `sw8` without a service
    /// name, from a correlation id, which names no span, or from another propagator that reads formats unknown to this one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::formats::tracecontext::W3cTraceContext;
    /// use traceprop_core::{InjectOptions, Pairs, Propagator, RandomIds};
    ///
    /// let builder = Propagator::builder().names("tracecontext,b3,datadog", "none")?;
    /// let propagator = builder.inject_received(W3cTraceContext::new()).build()?;
    /// let sent = |request: &[(&str, &str)]| {
    ///     let mut headers = Pairs::new();
    ///     propagator.inject(&propagator.extract(&request).new_span(&RandomIds), &InjectOptions::new(), &mut headers);
    ///     headers.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    /// };
    /// assert_eq!(sent(&[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")]), ["b3"]);
    /// assert_eq!(sent(&[]), ["traceparent"]);
    /// # }
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn inject_received(mut self, default: impl Into<FormatRef>) -> Self {
        self.received_or = Some(default.into());
        self
    }

    /// Reads and writes `format`.
    pub fn with_format(self, format: impl Into<FormatRef>) -> Self {
        let format = format.into();
        self.extract(format.clone()).inject(format)
    }

    /// Makes the name of `format` mean this instance in the lists of [`names`](Self::names) and of variables.
    ///
    /// Use it for a built-in format with other settings and for a custom format. Lists that were added before are
    /// unaffected. If two formats with one name are defined, the later one counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{Propagator, formats::sw8::Sw8};
    ///
    /// let sw8 = Sw8::new("cart", "cart-1");
    /// let propagator = Propagator::builder().define(sw8).names("all", "sw8,tracecontext")?.build()?;
    /// assert!(propagator.inject_names().eq(["sw8", "tracecontext"]));
    /// # }
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub fn define(mut self, format: impl Into<FormatRef>) -> Self {
        self.overflow |= !self.defined.push(format.into());
        self
    }

    /// The format that `name` means, if it was [defined](Self::define).
    pub(super) fn defined(&self, name: &str) -> Option<FormatRef> {
        self.defined.last_named(name)
    }

    pub(super) const fn list_mut(&mut self, list: ConfigList) -> &mut ListConfig {
        match list {
            ConfigList::Extract => &mut self.extract,
            ConfigList::Inject => &mut self.inject,
        }
    }

    /// Notes where a list of names is from, for errors.
    pub(super) fn with_origin(mut self, list: ConfigList, variable: Option<&'static str>, text: &str) -> Self {
        let origin = self.list_mut(list);
        origin.variable = variable;
        origin.text = ConfigWord::new(text);
        self
    }

    /// Adds a format that a list names, unless the list has one of this name.
    pub(super) fn add_once(mut self, list: ConfigList, format: FormatRef) -> Self {
        match (self.list_mut(list).formats.last_named(format.get().name()), list) {
            (Some(_), _) => self,
            (None, ConfigList::Extract) => self.extract(format),
            (None, ConfigList::Inject) => self.inject(format),
        }
    }

    /// Preserves in the tracestate what W3C has no field for, for all built-in formats.
    ///
    /// The formats of the lists always do this. With this setting the other built-in formats do it too: data that was
    /// received in their headers, through another propagator, then survives a hop that speaks only W3C.
    pub const fn preserve_in_tracestate(mut self) -> Self {
        self.preserving = BUILT_IN;
        self
    }

    /// Permits an empty extract list.
    pub const fn extract_none(mut self) -> Self {
        self.extract.allows_none = true;
        self
    }

    /// Permits an empty inject list.
    pub const fn inject_none(mut self) -> Self {
        self.inject.allows_none = true;
        self
    }

    /// Sets how far callers are trusted. Defaults to [`Trust::Continue`].
    pub const fn trust(mut self, trust: Trust) -> Self {
        self.options.trust = trust;
        self
    }

    /// Sets when the trace ids of two formats are the same. Defaults to [`TraceIdMatch::Exact`].
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::{Propagator, TraceIdMatch};
    ///
    /// let propagator = Propagator::builder()
    ///     .names("datadog,tracecontext", "none")?
    ///     .trace_id_match(TraceIdMatch::Low64)
    ///     .build()?;
    /// // A proxy removed `x-datadog-tags`, which had the upper half of the trace id.
    /// let request = [
    ///     ("x-datadog-trace-id", "2246800662264969608"),
    ///     ("traceparent", "00-5ab3c000000000001f2e3d4c5b6a7988-0000000000000abc-01"),
    /// ];
    /// let extraction = propagator.extract(&request);
    /// assert_eq!(extraction.context().unwrap().trace_id.high(), 0x5ab3_c000_0000_0000);
    /// assert_eq!((extraction.source_format(), extraction.links().count()), (Some("datadog"), 0));
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub const fn trace_id_match(mut self, id_match: TraceIdMatch) -> Self {
        self.options.id_match = id_match;
        self
    }

    /// Sets the random flag (`02`) of traceparent for new traces with random ids. By default it is not set.
    ///
    /// Widely used readers drop a trace with the flags `02` or `03`: opentelemetry-go up to 1.41 (Caddy 2.10, Traefik
    /// 3.6), Spring Boot with Brave, and agents of New Relic. Received flags are forwarded with either setting. Samplers
    /// know that the ids are random with either setting. If [`Probability`](crate::sampler::Probability) decides a new
    /// trace and the flag is not set, the randomness is written into the tracestate (`ot=rv:..`).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::{IdBits, InjectOptions, Pairs, SpanContext, presets};
    ///
    /// let root = SpanContext::root(&|| IdBits::random(7));
    /// let propagator = presets::W3C.builder().mark_random().build()?;
    /// let mut headers = Pairs::new();
    /// propagator.inject(&root, &InjectOptions::new(), &mut headers);
    /// assert!(headers.get("traceparent").unwrap().ends_with("-03"));
    /// # }
    /// # Ok::<(), traceprop_core::ConfigError>(())
    /// ```
    pub const fn mark_random(mut self) -> Self {
        self.options.mark_random = true;
        self
    }

    /// Stops at the first format with a trace context. Later formats are not read and make no links.
    pub const fn extract_first(mut self) -> Self {
        self.options.extract_first = true;
        self
    }

    /// Builds the propagator.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a list is empty without `none`, if a format is added twice or cannot be written with
    /// its settings, or if a limit is exceeded.
    pub fn build(mut self) -> Result<Propagator, ConfigError> {
        if let Some(default) = self.received_or.take() {
            self.options.by_received = self.add_received(default);
            self.overflow |= self.options.by_received.is_none();
        }
        if self.overflow {
            return Err(ConfigError::TooManyFormats);
        }
        let lists = [(&self.extract, ConfigList::Extract), (&self.inject, ConfigList::Inject)];
        for (ListConfig { formats, allows_none, variable, text }, list) in lists {
            if formats.is_empty() && !allows_none {
                return Err(ConfigError::NoFormats { variable: *variable, list, value: *text });
            }
            for (at, name) in formats.iter().map(Format::name).enumerate() {
                if formats.iter().take(at).any(|format| format.name() == name) {
                    return Err(ConfigError::DuplicateFormat { list, name: ConfigWord::new(name) });
                }
            }
        }
        let (extract, inject) = (&self.extract.formats, &self.inject.formats);
        for (format, kind) in extract.kinds().chain(inject.kinds()).chain(self.defined.kinds()) {
            if let Some(row) = ROWS.iter().find(|row| row.kind != kind && row.is_named(format.name())) {
                return Err(ConfigError::NameTaken { name: row.names[0] });
            }
        }
        if self.options.extract_first && self.contexts() < 2 {
            return Err(ConfigError::ExtractFirstNeedsTwo);
        }
        if self.options.trust != Trust::Continue && extract.is_empty() {
            return Err(ConfigError::TrustWithoutExtract);
        }
        for format in inject.iter() {
            let name = ConfigWord::new(format.name());
            format.check_inject().map_err(|reason| ConfigError::CannotInject { name, reason })?;
        }
        for (config, list) in lists {
            for header in config.formats.iter().flat_map(|format| format.fields().custom_headers()) {
                if let Some(purpose) = header.purpose() {
                    let (name, source) =
                        (ConfigWord::new(header.as_str()), InvalidHeaderName::ReservedInHttp { purpose });
                    return Err(ConfigError::InvalidHeaderName { variable: None, list, name, source });
                }
            }
        }
        let mut names = FieldNames::new();
        for format in extract.iter().chain(inject.iter()) {
            if format.fields().custom_headers().iter().any(|name| names.watch_name(name).is_none()) {
                return Err(ConfigError::TooManyCustomHeaders);
            }
        }
        Ok(self.assemble())
    }

    /// The number of formats with a trace context that are read.
    pub(super) fn contexts(&self) -> usize {
        self.extract.formats.kinds().filter(|(_, kind)| !kind.is_text_alone()).count()
    }

    /// Sets the trust, unless a stricter one is set or nothing is read.
    #[cfg(feature = "std")]
    pub(super) fn trust_at_least(self, trust: Trust) -> Self {
        let trust = if self.extract.formats.is_empty() { Trust::Continue } else { trust };
        let trust = self.options.trust.stricter(trust);
        self.trust(trust)
    }

    /// Builds the propagator without checks: the formats of a preset are valid.
    pub(super) fn assemble(self) -> Propagator {
        Propagator::assemble(self.extract.formats, self.inject.formats, self.preserving, self.options)
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests;
