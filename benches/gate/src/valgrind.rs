//! Counting, which valgrind does.

use std::env;
use std::error::Error;
use std::process::{Child, Command, Stdio};

/// Calls in the shorter run. Few are enough for a count that is exact. They are also few enough for the generator of
/// random ids to make no new block in between: it does that with what the processor has, which we do not.
pub const CALLS: u64 = 10;

/// glibc copies and compares with the widest registers that it finds. This makes all processors alike: features after
/// the baseline of x86-64 are masked, and the length limits of its copies no longer depend on cache sizes.
const BASELINE: &str = "glibc.cpu.hwcaps=\
    -AVX512F,-AVX512VL,-AVX512BW,-AVX512CD,-AVX512DQ,-AVX2,-AVX2_Usable,-AVX,-BMI1,-BMI2,-LZCNT,-MOVBE,-POPCNT,-RTM,\
    -ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-AVX_Fast_Unaligned_Load,-Fast_Unaligned_Copy,-Fast_Copy_Backward,-Slow_BSF,\
    -Prefer_ERMS,-Prefer_FSRM\
    :glibc.cpu.x86_non_temporal_threshold=0xc0000:glibc.cpu.x86_rep_movsb_threshold=0x800\
    :glibc.cpu.x86_rep_stosb_threshold=0x800";

/// The function that counts, by the end of its name.
const COUNTED: &str = "--toggle-collect=*::counted*";

/// Returns the number of instructions of one call of a path.
pub(crate) fn instructions(name: &str) -> Result<u64, Box<dyn Error>> {
    // Side by side, since there are two processors more often than one.
    let (few, many) = (start(name, CALLS)?, start(name, 2 * CALLS)?);
    let (few, many) = (total(few)?, total(many)?);
    let difference = many.checked_sub(few).ok_or("more calls took fewer instructions")?;
    Ok((difference + CALLS / 2) / CALLS)
}

fn start(name: &str, calls: u64) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", COUNTED]).arg(env::current_exe()?);
    command.args(["--run", name, &calls.to_string()]);
    // Nothing of the environment comes along: it can set allocators and preload libraries.
    command.env_clear().env("GLIBC_TUNABLES", BASELINE);
    command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| format!("valgrind does not start: {error}").into())
}

fn total(child: Child) -> Result<u64, Box<dyn Error>> {
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let count = output.status.success().then(|| collected(&told)).flatten();
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| format!("valgrind gave no count but said: {}", told.trim()).into())
}

/// Returns the total in the summary of callgrind.
fn collected(told: &str) -> Option<u64> {
    let line = told.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_total_of_a_summary() {
        let told = "==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(collected(told), Some(1_234_567));
        assert_eq!(collected("==7== Command: counts"), None);
    }
}
