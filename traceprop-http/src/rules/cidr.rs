//! Blocks of literal addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::PatternError;

/// An address, and the number of its first bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Parses the text on both sides of the slash, as in `10.0.0.0/8`, `fd00::/8` and `[fd00::]/8`.
    ///
    /// A block of IPv4-mapped addresses, such as `::ffff:10.0.0.0/104`, becomes the IPv4 block.
    pub(super) fn parse(address: &str, prefix: &str) -> Result<Self, PatternError> {
        let network = as_written(address).ok_or(PatternError::BadAddress)?;
        // `parse` alone would accept a plus sign.
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| is_number).ok_or(PatternError::BadPrefix)?;
        let (bits, width) = bits(network);
        if prefix > width {
            return Err(PatternError::BadPrefix);
        }
        // A mistake, in the address or in the length.
        if bits & !mask(prefix, width) != 0 {
            return Err(PatternError::HostBits);
        }
        // The mapped address has bits up to the 96th, so a shorter prefix was an error.
        let prefix = if network.to_canonical() == network { prefix } else { prefix - MAPPED_BITS };
        Ok(Self { network: network.to_canonical(), prefix })
    }

    /// The block of one address.
    pub(super) fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { network: address, prefix: bits(address).1 }
    }

    /// Returns whether the block has an address.
    ///
    /// `0.0.0.0` and `::` are in every block that has a loopback address, because a connection to them is one to this
    /// host.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.has(address) || (address.is_unspecified() && LOOPBACK.into_iter().any(|loopback| self.has(loopback)))
    }

    fn has(&self, address: IpAddr) -> bool {
        let ((network, width), (address, its_width)) = (bits(self.network), bits(address));
        width == its_width && (network ^ address) & mask(self.prefix, width) == 0
    }

    /// Returns whether this block contains all addresses of `other`.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let is_one = other.prefix == bits(other.network).1;
        (is_one && self.contains(other.network)) || (self.prefix <= other.prefix && self.has(other.network))
    }
}

/// The bits before the IPv4 address in an IPv4-mapped address.
const MAPPED_BITS: u8 = 96;

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Returns the literal address in the host of a URL or pattern. An IPv4 address that is mapped to IPv6 becomes IPv4.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    as_written(host).map(|address| address.to_canonical())
}

fn as_written(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.parse().ok()
}

/// Returns the address as a number, and its width.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Returns a mask of the first `prefix` of `width` bits.
fn mask(prefix: u8, width: u8) -> u128 {
    let all = u128::MAX >> (128 - width);
    // A shift by the whole width overflows.
    all ^ all.checked_shr(prefix.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cidr(address: &str, prefix: &str) -> Cidr {
        Cidr::parse(address, prefix).unwrap()
    }

    #[track_caller]
    fn is_in(block: (&str, &str), address: &str) -> bool {
        cidr(block.0, block.1).contains(literal(address).unwrap())
    }

    #[test]
    fn ok_contains_from_the_first_to_the_last_address() {
        for (block, inside, outside) in [
            (("10.0.0.0", "8"), ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            (("192.168.4.0", "22"), ["192.168.4.0", "192.168.7.255"], ["192.168.3.255", "192.168.8.0"]),
            (("10.1.2.3", "32"), ["10.1.2.3", "[::ffff:10.1.2.3]"], ["10.1.2.2", "10.1.2.4"]),
            (("fd00::", "8"), ["[fd00::]", "fdff:ffff::1"], ["fcff::1", "[fe00::]"]),
            (("[::1]", "128"), ["[::1]", "::1"], ["[::2]", "::3"]),
        ] {
            assert!(inside.iter().all(|address| is_in(block, address)), "{block:?}");
            assert!(!outside.iter().any(|address| is_in(block, address)), "{block:?}");
        }
    }

    #[test]
    fn ok_an_empty_prefix_takes_the_whole_family_and_no_other() {
        assert!(is_in(("0.0.0.0", "0"), "255.255.255.255") && !is_in(("0.0.0.0", "0"), "[fd00::1]"));
        assert!(is_in(("::", "0"), "[ffff::1]") && !is_in(("::", "0"), "10.0.0.1"));
    }

    #[test]
    fn ok_the_unspecified_address_is_loopback() {
        let unspecified = ["0.0.0.0", "::", "[::]", "::ffff:0.0.0.0", "[::ffff:0:0]"];
        for block in [("127.0.0.0", "8"), ("127.0.0.1", "32"), ("::1", "128"), ("::", "64"), ("0.0.0.0", "0")] {
            assert!(unspecified.iter().all(|address| is_in(block, address)), "{block:?}");
        }
        for block in [("127.0.0.2", "32"), ("10.0.0.0", "8"), ("fd00::", "8"), ("::2", "127")] {
            assert!(!unspecified.iter().any(|address| is_in(block, address)), "{block:?}");
        }
        for (block, inside, outside) in [
            (("0.0.0.0", "8"), "0.0.0.0", "::"),
            (("0.0.0.0", "32"), "0.0.0.0", "[::]"),
            (("::", "128"), "::", "0.0.0.0"),
        ] {
            assert!(is_in(block, inside) && !is_in(block, outside), "{block:?}");
            assert!(!is_in(block, "127.0.0.1") && !is_in(block, "::1"), "{block:?}");
        }
        assert!(!is_in(("127.0.0.0", "8"), "::1") && !is_in(("127.0.0.0", "8"), "0.0.0.1"));
        let loopback = cidr("127.0.0.0", "8");
        assert!(loopback.covers(&cidr("0.0.0.0", "32")) && loopback.covers(&cidr("::", "128")));
        assert!(!loopback.covers(&cidr("0.0.0.0", "8")) && !loopback.covers(&cidr("::", "127")));
    }

    #[test]
    fn ok_a_block_of_mapped_addresses_is_the_ipv4_block() {
        for (mapped, block) in [
            (("::ffff:0:0", "96"), ("0.0.0.0", "0")),
            (("::ffff:10.0.0.0", "104"), ("10.0.0.0", "8")),
            (("[::ffff:a00:0]", "104"), ("10.0.0.0", "8")),
            (("::ffff:10.1.2.3", "128"), ("10.1.2.3", "32")),
        ] {
            assert_eq!(Cidr::parse(mapped.0, mapped.1), Ok(cidr(block.0, block.1)), "{mapped:?}");
        }
        for prefix in ["0", "8", "16", "32", "80", "81", "95"] {
            assert_eq!(Cidr::parse("::ffff:0:0", prefix), Err(PatternError::HostBits), "{prefix}");
            assert_eq!(Cidr::parse("::ffff:10.0.0.0", prefix), Err(PatternError::HostBits), "{prefix}");
        }
        assert_eq!(Cidr::parse("::ffff:10.0.0.0", "96"), Err(PatternError::HostBits));
        assert_eq!(Cidr::parse("::ffff:10.0.0.0", "129"), Err(PatternError::BadPrefix));
        assert!(!is_in(("::", "0"), "::ffff:10.0.0.1") && !is_in(("::", "80"), "10.0.0.1"));
    }

    #[test]
    fn ok_covers_what_is_as_wide_or_narrower() {
        let (wide, narrow) = (cidr("10.0.0.0", "8"), cidr("10.1.0.0", "16"));
        assert!(wide.covers(&narrow) && wide.covers(&wide) && !narrow.covers(&wide));
        assert!(!cidr("10.0.0.0", "16").covers(&wide));
        assert!(!wide.covers(&cidr("11.0.0.0", "16")) && !cidr("0.0.0.0", "0").covers(&cidr("::", "0")));
    }

    #[test]
    fn err_parse_what_is_no_block() {
        for (address, prefix, error) in [
            ("10.0.0", "8", PatternError::BadAddress),
            ("host", "8", PatternError::BadAddress),
            ("10.0.0.0", "33", PatternError::BadPrefix),
            ("fd00::", "129", PatternError::BadPrefix),
            ("10.0.0.0", "+8", PatternError::BadPrefix),
            ("10.0.0.0", "", PatternError::BadPrefix),
            ("10.0.0.0", "256", PatternError::BadPrefix),
            ("10.0.0.1", "8", PatternError::HostBits),
            ("fd00::1", "64", PatternError::HostBits),
        ] {
            assert_eq!(Cidr::parse(address, prefix), Err(error), "{address}/{prefix}");
        }
    }
}
