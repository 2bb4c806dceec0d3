//! What callers and makers of clients are shown: reflection and export.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::FileDescriptorProto;

use super::{Draft, chinook, fixture, lines, problems};
use crate::contract::{Plain, ReflectOptions, Source, export, load, reflection};

fn find(files: &[(String, Vec<u8>)], name: &str) -> Vec<u8> {
    files.iter().find(|(other, _)| other == name).map(|(_, bytes)| bytes.clone()).unwrap()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn reflection_hides_our_options_and_keeps_the_rest() {
    let contract = chinook();
    let files = reflection(&contract, ReflectOptions::Hidden);
    let names: BTreeSet<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains("google/rpc/error_details.proto"));
    assert!(!names.iter().any(|name| name.starts_with("rowcall/")));
    let bytes = find(&files, "chinook/v1/chinook.proto");
    for hidden in ["rowcall", "milliseconds", "playlist_track\"", "revenue_by_country", "top_artists.sql"] {
        assert!(!contains(&bytes, hidden), "{hidden}");
    }
    for kept in ["chinook.example.com/Track", "tracks/{track}", " At most 1,000; 50 when absent."] {
        assert!(contains(&bytes, kept), "{kept}");
    }
    let file = FileDescriptorProto::decode(bytes.as_slice()).unwrap();
    assert!(file.dependency.iter().all(|import| names.contains(import.as_str())));
    let source = file.source_code_info.unwrap();
    let imports: Vec<_> = source.location.iter().filter(|at| at.path.len() == 2 && at.path[0] == 3).collect();
    assert_eq!(imports.len(), file.dependency.len());
    assert!(
        !source
            .location
            .iter()
            .any(|location| location.path.iter().any(|&number| number == 52100 || number == 52101))
    );
    let set = prost_reflect::DescriptorPool::new();
    let pool = files.iter().fold(set, |mut pool, (_, bytes)| {
        pool.decode_file_descriptor_proto(bytes.as_slice()).unwrap();
        pool
    });
    let track = pool.get_message_by_name("chinook.v1.Track").unwrap();
    assert_eq!(track.options().extensions().count(), 1);
}

#[test]
fn reflection_shows_our_options_when_told() {
    let files = reflection(&chinook(), ReflectOptions::Shown);
    assert!(contains(&find(&files, "chinook/v1/chinook.proto"), "milliseconds"));
    assert!(files.iter().any(|(name, _)| name == "rowcall/v1/options.proto"));
}

#[test]
fn an_exported_contract_loads_again() {
    let folder = tempfile::tempdir().unwrap();
    let contract = chinook();
    let written = export(&contract, folder.path(), Plain::No).unwrap();
    let names: BTreeSet<_> =
        written.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [
            "chinook/v1/chinook.proto",
            "google/api/client.proto",
            "google/api/field_behavior.proto",
            "google/api/launch_stage.proto",
            "google/api/resource.proto",
            "rowcall/v1/options.proto",
        ]
    );
    let original = std::fs::read(fixture("chinook").paths[0].join("chinook/v1/chinook.proto")).unwrap();
    assert_eq!(std::fs::read(folder.path().join("chinook/v1/chinook.proto")).unwrap(), original);
    let query = fixture("chinook").paths[0].join("chinook/v1/top_artists.sql");
    std::fs::copy(query, folder.path().join("chinook/v1/top_artists.sql")).unwrap();
    let again = load(&Source { paths: vec![folder.path().to_owned()] });
    let again = again.unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(again.services.len(), 1);
}

#[test]
fn a_plain_export_compiles_and_says_nothing_of_ours() {
    for name in ["chinook", "chinook_plain"] {
        let folder = tempfile::tempdir().unwrap();
        let contract = load(&fixture(name)).unwrap();
        let written = export(&contract, folder.path(), Plain::Yes).unwrap();
        for path in &written {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(!text.contains("rowcall"), "{}:\n{text}", path.display());
        }
        let names: Vec<_> = written.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        let set = protox::compile(names, [folder.path()]).unwrap();
        assert!(set.file.iter().any(|file| file.name().ends_with("chinook.proto")));
    }
}

#[test]
fn options_are_cut_from_the_text_with_their_commas_lines_and_brackets() {
    let draft = Draft::new("");
    draft.write(
        "shop.proto",
        r#"syntax = "proto3";
package shop.v1;
import "google/api/field_behavior.proto";
import "rowcall/v1/options.proto"; // ours

// Größe and 音楽 before an option move no column.
message Track { option (rowcall.v1.table) = { name: "a;b]" }; int64 a = 1 [(rowcall.v1.column) = { name: "x" }];
  option deprecated = true;
  option (rowcall.v1.table).schema = "s";
  int64 b = 2 [(rowcall.v1.column).name = "x", (rowcall.v1.column).name = "y"];
  int64 c = 3 [deprecated = true, (rowcall.v1.column) = { name: "x" }];
  int64 d = 4 [(rowcall.v1.column) = { name: "x" }, deprecated = true];
  int64 e = 5 [
    (google.api.field_behavior) = OPTIONAL, // first, kept
    (rowcall.v1.column) = { name: "x" }, // second, ours
    json_name = "eE" // third
  ];
  int64 f = 6 [
    deprecated = true, // kept
    (rowcall.v1.column) = {
      name: "x"
    } // ours
  ];
}
enum Size {
  SIZE_UNSPECIFIED = 0;
  SIZE_BIG = 1 [(rowcall.v1.label) = "big, [huge];"];
}
service S {
  rpc Do(Track) returns (Track) { option (rowcall.v1.method) = { routine: "f" }; }
}
"#,
    );
    let contract = load(&draft.source()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let folder = tempfile::tempdir().unwrap();
    export(&contract, folder.path(), Plain::Yes).unwrap();
    let text = std::fs::read_to_string(folder.path().join("shop.proto")).unwrap();
    assert_eq!(
        text,
        r#"syntax = "proto3";
package shop.v1;
import "google/api/field_behavior.proto";
 // ours

// Größe and 音楽 before an option move no column.
message Track { int64 a = 1;
  option deprecated = true;
  int64 b = 2;
  int64 c = 3 [deprecated = true];
  int64 d = 4 [deprecated = true];
  int64 e = 5 [
    (google.api.field_behavior) = OPTIONAL, // first, kept
    // second, ours
    json_name = "eE" // third
  ];
  int64 f = 6 [
    deprecated = true // kept
     // ours
  ];
}
enum Size {
  SIZE_UNSPECIFIED = 0;
  SIZE_BIG = 1;
}
service S {
  rpc Do(Track) returns (Track) { }
}
"#
    );
    protox::compile(["shop.proto"], [folder.path()]).unwrap();
}

#[test]
fn a_file_that_uses_our_types_keeps_our_import() {
    let draft = Draft::new(
        "import \"rowcall/v1/reason.proto\"; message M { option (rowcall.v1.table) = {}; rowcall.v1.Reason reason = 1; } service S {}",
    );
    assert_eq!(problems(&draft.source()), "");
    let contract = load(&draft.source()).unwrap();
    let files = reflection(&contract, ReflectOptions::Hidden);
    assert!(files.iter().any(|(name, _)| name == "rowcall/v1/reason.proto"));
    let folder = tempfile::tempdir().unwrap();
    export(&contract, folder.path(), Plain::Yes).unwrap();
    protox::compile(["shop.proto"], [folder.path()]).unwrap();
}

#[test]
fn a_contract_without_text_is_exported_as_a_descriptor_set() {
    let draft = Draft::new(&format!(
        "{}service S {{ rpc GetTrack(GetTrackRequest) returns (Track); }}",
        super::PLAIN
    ));
    let folder = tempfile::tempdir().unwrap();
    let mut set = Vec::new();
    for (_, bytes) in reflection(&load(&draft.source()).unwrap(), ReflectOptions::Shown) {
        set.push(0x0a);
        prost::encoding::encode_varint(bytes.len() as u64, &mut set);
        set.extend(bytes);
    }
    let path = folder.path().join("in.binpb");
    std::fs::write(&path, set).unwrap();
    let contract =
        load(&Source { paths: vec![path] }).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let written = export(&contract, folder.path(), Plain::Yes).unwrap();
    assert_eq!(written, [folder.path().join("contract.binpb")]);
    let bytes = std::fs::read(&written[0]).unwrap();
    let pool = prost_reflect::DescriptorPool::decode(bytes.as_slice()).unwrap();
    assert!(pool.get_message_by_name("shop.v1.Track").is_some());
    assert!(pool.get_file_by_name("rowcall/v1/options.proto").is_none());
}
