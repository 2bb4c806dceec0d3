//! The name of an import → the text that the server carries for it.

/// Every file under `proto/` but the example, sorted by name.
static TEXTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/imports.rs"));

/// Folders whose files are never a contract's own, wherever they come from: nothing in them is served.
const FOLDERS: [&str; 8] = [
    "buf/validate/",
    "google/api/",
    "google/longrunning/",
    "google/protobuf/",
    "google/rpc/",
    "google/type/",
    "grpc/",
    "rowcall/v1/",
];

/// The folders of which the server's own files always win, because it is compiled with what they say.
const FIXED: [&str; 2] = ["google/protobuf/", "rowcall/v1/"];

pub fn text(name: &str) -> Option<&'static str> {
    let at = TEXTS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(TEXTS[at].1)
}

pub fn is_foreign(name: &str) -> bool {
    FOLDERS.iter().any(|folder| name.starts_with(folder))
}

pub fn is_fixed(name: &str) -> bool {
    FIXED.iter().any(|folder| name.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sorted_and_cover_what_contracts_import() {
        assert!(TEXTS.is_sorted());
        for name in [
            "buf/validate/validate.proto",
            "google/api/field_behavior.proto",
            "google/longrunning/operations.proto",
            "google/rpc/error_details.proto",
            "google/type/date.proto",
            "rowcall/v1/options.proto",
        ] {
            assert!(text(name).is_some(), "{name}");
        }
        assert!(TEXTS.iter().all(|(name, _)| is_foreign(name)));
    }
}
