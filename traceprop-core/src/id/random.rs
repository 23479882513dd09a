//! Random ids, also after a fork, while a thread ends, and without entropy.

use core::cell::RefCell;
use core::hash::Hasher;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::OsString;
use std::hash::DefaultHasher;
use std::time::SystemTime;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

use super::TraceId;
use super::generator::{IdBits, IdGenerator, WIDTH_VARIABLE};
use crate::config::{EnvWarning, Variables};

std::thread_local! {
    static GENERATOR: RefCell<Option<Generator>> = const { RefCell::new(None) };
}

/// Uniform random ids from a generator of the thread (ChaCha, seeded by the operating system).
///
/// A child process that was made by `fork` seeds its generator anew, so it never repeats ids of its parent. For that,
/// each draw asks for the id of the process.
///
/// It never panics. If the operating system has no entropy, ids are made of the time, the process and a counter. Such ids
/// are not random, so flag `02` of traceparent is not set.
///
/// ```
/// use traceprop_core::{IdGenerator, RandomIds};
///
/// let (trace_id, random) = RandomIds.new_trace_id();
/// assert!(random);
/// assert_ne!(trace_id, RandomIds.new_trace_id().0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl RandomIds {
    /// Returns the generator that `DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED` asks for, and the ignored value.
    ///
    /// If the variable is false, trace ids have 64 bits. Any other value than true and false is ignored.
    ///
    /// ```
    /// use traceprop_core::{IdGenerator, RandomIds};
    ///
    /// let (ids, warnings) = RandomIds::from_env();
    /// assert!(warnings.is_none() && ids.new_trace_id().1);
    /// ```
    pub fn from_env() -> (impl IdGenerator + Copy + core::fmt::Debug + Send + Sync + use<>, Option<EnvWarning>) {
        EnvIds::read(&|name| std::env::var_os(name))
    }
}

/// Random ids with trace ids of 128 or 64 bits.
#[derive(Clone, Copy, Debug)]
struct EnvIds {
    are_narrow: bool,
}

impl EnvIds {
    fn read(find: &dyn Fn(&str) -> Option<OsString>) -> (Self, Option<EnvWarning>) {
        let mut variables = Variables::new(find);
        let are_narrow = variables.flag(WIDTH_VARIABLE) == Some(false);
        (Self { are_narrow }, variables.warnings.pop())
    }
}

impl IdGenerator for EnvIds {
    fn next_bits(&self) -> IdBits {
        RandomIds.next_bits()
    }

    fn new_trace_id(&self) -> (TraceId, bool) {
        let low = self.are_narrow.then(|| RandomIds.new_span_id().get());
        match low.and_then(|low| TraceId::from_halves(0, low)) {
            Some(id) => (id, false),
            None => RandomIds.new_trace_id(),
        }
    }
}

impl IdGenerator for RandomIds {
    fn next_bits(&self) -> IdBits {
        let process = process_id();
        let bits = GENERATOR.try_with(|generator| match generator.try_borrow_mut() {
            Ok(mut generator) => next_bits(&mut generator, process, &mut SysRng),
            Err(_) => None,
        });
        bits.ok().flatten().unwrap_or_else(|| bits_without_generator(process, &mut SysRng))
    }
}

/// The generator of a thread, and the process that seeded it.
struct Generator {
    random: StdRng,
    process: u32,
}

/// Draws from a generator that this process seeded. Returns `None` if there is no entropy to seed one.
#[inline]
fn next_bits(generator: &mut Option<Generator>, process: u32, entropy: &mut impl TryRng) -> Option<IdBits> {
    if generator.as_ref().is_none_or(|generator| generator.process != process) {
        seed(generator, process, entropy);
    }
    Some(IdBits::random(generator.as_mut()?.random.next_u64()))
}

#[cold]
fn seed(generator: &mut Option<Generator>, process: u32, entropy: &mut impl TryRng) {
    // A failure removes the generator of the parent process too.
    *generator = StdRng::try_from_rng(entropy).ok().map(|random| Generator { random, process });
}

#[cold]
fn bits_without_generator(process: u32, entropy: &mut impl TryRng) -> IdBits {
    match entropy.try_next_u64() {
        Ok(bits) => IdBits::random(bits),
        Err(_) => IdBits::non_random(bits_without_entropy(process)),
    }
}

fn bits_without_entropy(process: u32) -> u64 {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let mut hasher = DefaultHasher::new();
    // A browser has no clock here.
    if cfg!(not(all(target_family = "wasm", target_os = "unknown"))) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        hasher.write_u128(since.as_nanos());
    }
    hasher.write_u32(process);
    hasher.write_usize(COUNT.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

/// Only Unix has `fork`, and some other platforms have no process ids.
fn process_id() -> u32 {
    if cfg!(unix) { std::process::id() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use std::collections::BTreeSet;
    use std::thread;

    /// Entropy that repeats.
    struct Constant;

    impl TryRng for Constant {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(7)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(7)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(7);
            Ok(())
        }
    }

    struct NoEntropy;

    impl TryRng for NoEntropy {
        type Error = core::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(core::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(core::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(core::fmt::Error)
        }
    }

    /// Two copies of one generator, as a process and its child have after a fork.
    fn forked() -> [Option<Generator>; 2] {
        [(); 2].map(|()| {
            let mut generator = None;
            next_bits(&mut generator, 1, &mut Constant);
            generator
        })
    }

    #[test]
    fn ok_from_env_makes_ids_of_either_width() {
        for (value, is_narrow, warning) in [
            (None, false, None),
            (Some("true"), false, None),
            (Some("false"), true, None),
            (Some("0"), true, None),
            (Some("no"), false, Some("ignoring `no`; expected true or false")),
        ] {
            let (ids, got) = EnvIds::read(&|name| value.filter(|_| name == WIDTH_VARIABLE).map(OsString::from));
            let ((trace_id, is_random), span_id) = (ids.new_trace_id(), ids.new_span_id());
            assert_eq!((trace_id.high() == 0, is_random), (is_narrow, !is_narrow), "{value:?}");
            assert_ne!(trace_id.low(), span_id.get());
            let warning = warning.map(|warning| std::format!("{WIDTH_VARIABLE}: {warning}"));
            assert_eq!(got.map(|got| std::string::ToString::to_string(&got)), warning);
        }
    }

    #[test]
    fn regression_a_child_process_made_the_ids_of_its_parent() {
        let [mut parent, mut child] = forked();
        let in_parent = next_bits(&mut parent, 1, &mut SysRng);
        // Without a new seed both continue alike.
        assert_eq!(forked().map(|mut copy| next_bits(&mut copy, 1, &mut SysRng)), [in_parent; 2]);
        assert_ne!(next_bits(&mut child, 2, &mut SysRng), in_parent);
        // It is seeded once, not for each id.
        assert!(next_bits(&mut child, 2, &mut NoEntropy).is_some());
    }

    #[test]
    fn regression_no_entropy_was_a_panic() {
        assert_eq!(next_bits(&mut None, 1, &mut NoEntropy), None);
        let [_, mut child] = forked();
        assert_eq!(next_bits(&mut child, 2, &mut NoEntropy), None);
        let ids: BTreeSet<_> = (0..100).map(|_| (|| bits_without_generator(1, &mut NoEntropy)).new_span_id()).collect();
        assert_eq!(ids.len(), 100);
        assert!(!(|| bits_without_generator(1, &mut NoEntropy)).new_trace_id().1);
    }

    #[test]
    fn regression_an_id_in_a_destructor_of_a_thread_was_an_abort() {
        struct Draws;
        impl Drop for Draws {
            fn drop(&mut self) {
                assert_ne!(RandomIds.new_span_id(), RandomIds.new_span_id());
            }
        }
        std::thread_local! {
            static FIRST: Draws = const { Draws };
            static LAST: Draws = const { Draws };
        }
        let thread = thread::spawn(|| {
            FIRST.with(|_| {});
            RandomIds.new_span_id();
            LAST.with(|_| {});
        });
        assert!(thread.join().is_ok());
    }
}
