//! The text of a setting → its value: durations, sizes, lists, secrets and the plain kinds.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A setting as it was written: one value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    One(String),
    Many(Vec<String>),
}

impl Raw {
    pub fn text(&self) -> String {
        match self {
            Raw::One(text) => text.clone(),
            Raw::Many(texts) => texts.join(","),
        }
    }
}

/// How a value is written in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Bare,
    Quoted,
    List,
}

/// A kind of value that a setting can have.
pub trait Value: Sized {
    /// Completes "expected …".
    const EXPECTED: &'static str;
    const FORM: Form = Form::Quoted;
    /// A secret prints as `***`, and may come from a file.
    const SECRET: bool = false;

    fn parse(text: &str) -> Option<Self>;

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::One(text) => Self::parse(text),
            Raw::Many(_) => None,
        }
    }
}

/// A number of bytes: `4MiB`, `3.5 MiB`, `1024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(usize);

impl Size {
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Several URLs of databases, none of which is ever printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls(Vec<Secret>);

impl Urls {
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A key of 32 bytes, written in base64, that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

macro_rules! plain {
    ($($kind:ty: $form:ident $expected:literal)+) => {$(
        impl Value for $kind {
            const EXPECTED: &'static str = $expected;
            const FORM: Form = Form::$form;

            fn parse(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
        }
    )+};
}

plain! {
    bool: Bare "true or false"
    u32: Bare "a whole number"
    usize: Bare "a whole number"
    f64: Bare "a number"
    SocketAddr: Quoted "an address and a port, like \"0.0.0.0:50051\""
}

/// Declares an enum whose values are chosen by name.
macro_rules! choices {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+ } $expected:literal)+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl Value for $name {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                match text.trim() {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}

choices! {
    /// What stands between Rowcall and Postgres.
    Pooler {
        /// Nothing, or PgBouncer 1.21 and later with prepared statements.
        Direct = "direct",
        /// Any other pooler that hands out connections per transaction.
        Transaction = "transaction",
    } "direct or transaction"

    /// How a line of the log looks.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines.
        Json = "json",
    } "text or json"
}

impl Value for String {
    const EXPECTED: &'static str = "text";

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a duration, like \"10s\", \"5m\" or \"3d\"";

    fn parse(text: &str) -> Option<Self> {
        let span = jiff::Span::from_str(text.trim()).ok()?;
        let signed = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        signed.try_into().ok()
    }
}

impl Value for Size {
    const EXPECTED: &'static str = "a size, like \"4MiB\" or a number of bytes";

    fn parse(text: &str) -> Option<Self> {
        let size: bytesize::ByteSize = text.trim().parse().ok()?;
        size.as_u64().try_into().ok().map(Size)
    }
}

impl Value for Secret {
    const EXPECTED: &'static str = "text";
    const SECRET: bool = true;

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl Value for Urls {
    const EXPECTED: &'static str = "URLs of databases";
    const FORM: Form = Form::List;
    const SECRET: bool = true;

    /// A comma may also stand between the hosts of one URL, and a space within `key=value` pairs: they separate
    /// only where another URI begins.
    fn parse(text: &str) -> Option<Self> {
        let separator = |c: char| c == ',' || c.is_whitespace();
        let begins = |at: &usize| {
            let (before, rest) = text.split_at(*at);
            before.ends_with(separator)
                && ["postgres://", "postgresql://"].iter().any(|scheme| rest.starts_with(scheme))
        };
        let starts = text.char_indices().map(|(at, _)| at).filter(begins);
        let mut bounds: Vec<usize> = starts.collect();
        bounds.push(text.len());
        let mut urls = Vec::new();
        let mut from = 0;
        for to in bounds {
            urls.push(text[from..to].trim_matches(separator));
            from = to;
        }
        Some(Urls(urls.into_iter().filter(|url| !url.is_empty()).map(Secret::new).collect()))
    }

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::One(text) => Self::parse(text),
            Raw::Many(texts) => {
                Some(Urls(texts.iter().filter(|url| !url.is_empty()).map(Secret::new).collect()))
            }
        }
    }
}

impl Value for Key {
    const EXPECTED: &'static str = "32 bytes in base64, as from `openssl rand -base64 32`";
    const SECRET: bool = true;

    fn parse(text: &str) -> Option<Self> {
        BASE64.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

/// Empty means unset, so that `NAME=${OTHER:-}` in a compose file does what it looks like.
impl<T: Value> Value for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const FORM: Form = T::FORM;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

/// A list: an array in TOML, separated by commas elsewhere.
impl<T: Value> Value for Vec<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const FORM: Form = Form::List;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::parse).collect()
    }

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::One(text) => Self::parse(text),
            Raw::Many(texts) => texts.iter().map(|text| T::parse(text)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_up_to_days_and_are_never_negative() {
        let seconds = |text| Duration::parse(text).map(|d: Duration| d.as_secs_f64());
        assert_eq!(seconds("10s"), Some(10.0));
        assert_eq!(seconds("1h 30m"), Some(5400.0));
        assert_eq!(seconds("3d"), Some(259_200.0));
        assert_eq!(seconds("250ms"), Some(0.25));
        assert_eq!(seconds("0s"), Some(0.0));
        for wrong in ["", "10", "-5s", "1 month", "s", "soon"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_exact() {
        let bytes = |text| Size::parse(text).map(Size::bytes);
        assert_eq!(bytes("4MiB"), Some(4 << 20));
        assert_eq!(bytes("3.5 MiB"), Some(7 << 19));
        assert_eq!(bytes("1024"), Some(1024));
        assert_eq!(bytes("1kB"), Some(1000));
        for wrong in ["", "-1", "many", "4XiB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_come_as_arrays_or_with_commas() {
        let expected = Some(vec![PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(Vec::<PathBuf>::read(&Raw::One("a, b".into())), expected);
        assert_eq!(Vec::<PathBuf>::read(&Raw::Many(vec!["a".into(), "b".into()])), expected);
        assert_eq!(Vec::<PathBuf>::read(&Raw::One(String::new())), Some(vec![]));
        assert_eq!(bool::read(&Raw::Many(vec!["true".into()])), None);
    }

    #[test]
    fn a_url_may_have_several_hosts_and_a_list_several_urls() {
        let urls = |raw: Raw| -> Vec<String> {
            let urls = Urls::read(&raw).expect("any text is");
            urls.iter().map(|url| url.reveal().to_owned()).collect()
        };
        let one = |text: &str| urls(Raw::One(text.to_owned()));
        assert_eq!(one("postgres://a:1,b:2/d"), ["postgres://a:1,b:2/d"]);
        assert_eq!(
            one("postgres://a,b/d, postgresql://c/d postgres://e/d"),
            ["postgres://a,b/d", "postgresql://c/d", "postgres://e/d"]
        );
        assert_eq!(one("host=a,b user=u"), ["host=a,b user=u"]);
        assert_eq!(one("postgres://u:apostgres://@h/d"), ["postgres://u:apostgres://@h/d"]);
        assert!(one("").is_empty() && one(" , ").is_empty());
        assert_eq!(urls(Raw::Many(vec!["host=a user=u".into(), "postgres://b,c/d".into()])).len(), 2);
        assert!(!format!("{:?}", Urls::parse("postgres://u:hunter2@h/d")).contains("hunter2"));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
        let key = Key::parse(&BASE64.encode([7; 32])).expect("32 bytes");
        assert_eq!(format!("{key:?}"), "***");
        assert!(Key::parse(&BASE64.encode([7; 31])).is_none());
    }
}
