//! One declaration per setting → its struct field, name, default, documentation and reading.
//!
//! Everything said about a setting comes from its one line in `sections`: the names it has in files
//! and in the environment, what `rowcall config` prints and its row in the README.

use super::value::Form;

/// What is known of a setting before anyone sets it.
#[derive(Debug)]
pub struct Setting {
    /// `section.name`, as in `--set` and in TOML.
    pub name: &'static str,
    /// As text; empty when unset.
    pub default: &'static str,
    pub form: Form,
    pub secret: bool,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

impl Setting {
    /// The name in the environment: `ROWCALL_POSTGRES_CONNECTIONS_MAX`.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// The name that gives the path of a file with the value; only secrets have one.
    pub fn file_name(&self) -> Option<String> {
        self.secret.then(|| format!("{}_file", self.name))
    }
}

/// The name in the environment of what is called `name` elsewhere.
pub(super) fn variable(name: &str) -> String {
    format!("ROWCALL_{}", name.replace('.', "_").to_uppercase())
}

/// Declares the sections of the configuration; see `sections`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {
            $($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:literal $(in $range:expr)?,)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone)]
            pub struct $Section { $($(#[doc = $doc])+ pub $name: $kind,)+ }

            impl $Section {
                fn read(reader: &mut Reader<'_>) -> Option<Self> {
                    // All are read before any is missed, so that every problem is told at once.
                    $(let $name = reader.read::<$kind>(
                        concat!(stringify!($section), ".", stringify!($name)),
                        |_value| None$(.or((!($range).contains(_value)).then(|| format!("{:?}", $range))))?,
                    );)+
                    Some(Self { $($name: $name?,)+ })
                }
            }
        )+

        /// Everything that can be set, one section per module that has settings.
        #[derive(Debug, Clone)]
        pub struct Config { $($(#[doc = $about])+ pub $section: $Section,)+ }

        impl Config {
            pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $(let $section = $Section::read(reader);)+
                Some(Self { $($section: $section?,)+ })
            }
        }

        /// Every setting, in the order of the README.
        pub const SETTINGS: &[Setting] = &[$($(Setting {
            name: concat!(stringify!($section), ".", stringify!($name)),
            default: $default,
            form: <$kind as Value>::FORM,
            secret: <$kind as Value>::SECRET,
            doc: concat!($($doc,)+).trim_ascii(),
        },)+)+];
    };
}

pub(super) use settings;
