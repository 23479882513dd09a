//! Enums whose variants are words: one table instead of an enum, a `match` and a `Display`.

/// Declares an enum with a word for each variant, a function that returns the word, and `Display`.
macro_rules! words {
    (
        $(#[$about:meta])*
        $pub:vis enum $name:ident { $($(#[$doc:meta])+ $variant:ident = $word:expr,)+ }
        $(#[$as_str:meta])+
        $pub_word:vis fn as_str;
    ) => {
        $(#[$about])*
        $pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            $(#[$as_str])+
            $pub_word const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            #[allow(dead_code, reason = "few enums list their variants")]
            const VARIANTS: &'static [Self] = &[$(Self::$variant,)+];
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;
