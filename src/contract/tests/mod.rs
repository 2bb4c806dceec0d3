//! Whole contracts in, what they mean or every problem out.

mod files;
mod methods;
mod resources;
mod shown;

use std::path::Path;

use super::*;

fn fixture(name: &str) -> Source {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(name);
    Source { paths: vec![folder] }
}

fn chinook() -> Contract {
    load(&fixture("chinook")).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn resource<'a>(contract: &'a Contract, name: &str) -> &'a Resource {
    contract.resources.iter().find(|resource| resource.message.name() == name).unwrap()
}

fn method<'a>(contract: &'a Contract, name: &str) -> &'a Method {
    let mut methods = contract.services.iter().flat_map(|service| &service.methods);
    methods.find(|method| method.descriptor.name() == name).unwrap()
}

#[test]
fn chinook_by_resource_names_has_no_problem() {
    let contract = chinook();
    assert_eq!(lines(&contract.problems), "");
    assert_eq!(contract.resources.len(), 11);
    assert_eq!(contract.services.len(), 1);
    assert_eq!(contract.services[0].methods.len(), 11 * 4 + 2);
    let track = resource(&contract, "Track");
    assert_eq!(track.kind.as_deref(), Some("chinook.example.com/Track"));
    assert_eq!(track.patterns[0].to_string(), "tracks/{track}");
    assert_eq!(track.table_names, ["tracks", "track"]);
    let role = |name: &str| {
        let field = track.fields.iter().find(|field| field.descriptor.name() == name).unwrap();
        match &field.role {
            Role::Name => "name".to_owned(),
            Role::Reference(kind) => format!("reference to {kind}"),
            Role::Relation { resource, options } => {
                format!("{} through {:?}", contract.resources[*resource].message.name(), options.through)
            }
            Role::Column => format!("column {:?}", field.column.name),
        }
    };
    assert_eq!(role("name"), "name");
    assert_eq!(role("title"), "column [\"name\"]");
    assert_eq!(role("album"), "reference to chinook.example.com/Album");
    assert_eq!(role("album_detail"), "Album through \"\"");
    assert_eq!(role("playlists"), "Playlist through \"playlist_track\"");
    assert!(matches!(method(&contract, "ListTracks").shape, Ok(Shape::List { .. })));
    assert!(
        matches!(&method(&contract, "RevenueByCountry").shape, Ok(Shape::Routine { name, answer: Answer::Repeated(rows) })
            if name == "revenue_by_country" && rows.name() == "countries")
    );
    assert!(
        matches!(&method(&contract, "TopArtists").shape, Ok(Shape::Query { text, .. }) if text.contains(":genre"))
    );
}

#[test]
fn chinook_by_plain_keys_has_no_problem() {
    let contract = load(&fixture("chinook_plain")).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(lines(&contract.problems), "");
    let keys = |name: &str| -> Vec<String> {
        method(&contract, name).keys.iter().map(|field| field.name().to_owned()).collect()
    };
    assert_eq!(keys("GetPlaylistTrack"), ["playlist_id", "track_id"]);
    assert_eq!(keys("ListTracks"), ["album_id", "genre_id"]);
    assert!(keys("BatchGetTracks").is_empty());
    assert_eq!(resource(&contract, "PlaylistTrack").table_names, ["playlist_tracks", "playlist_track"]);
}

/// A contract of one file, with what every one needs.
struct Draft {
    folder: tempfile::TempDir,
}

impl Draft {
    fn new(body: &str) -> Draft {
        let draft = Draft { folder: tempfile::tempdir().unwrap() };
        draft.write("shop.proto", &format!("{HEAD}{body}"));
        draft
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn source(&self) -> Source {
        Source { paths: vec![self.folder.path().to_owned()] }
    }
}

const HEAD: &str = "syntax = \"proto3\"; package shop.v1; import \"google/api/field_behavior.proto\"; \
    import \"google/api/resource.proto\"; import \"google/protobuf/duration.proto\"; \
    import \"google/protobuf/field_mask.proto\"; import \"google/longrunning/operations.proto\"; \
    import \"rowcall/v1/options.proto\"; ";

/// Every problem, of the whole or of its methods.
fn problems(source: &Source) -> String {
    match load(source) {
        Ok(contract) => lines(&contract.problems),
        Err(problems) => lines(&problems),
    }
}

#[track_caller]
fn check(body: &str, expected: &str) {
    let draft = Draft::new(body);
    assert_eq!(problems(&draft.source()).trim_end(), expected);
}

const PLAIN: &str = "message Track { option (rowcall.v1.table) = {}; int64 track_id = 1; string title = 2; }
message GetTrackRequest { int64 track_id = 1; }
";

#[track_caller]
fn check_method(body: &str, expected: &str) {
    check(&format!("{PLAIN}{body}"), expected);
}
