//! Folders, files and descriptor sets.

use proptest::prelude::*;

use super::{Draft, HEAD, PLAIN, check, chinook, lines, problems};
use crate::contract::{ReflectOptions, Source, digest, load, reflection};
use crate::damage::{self, timed};

#[test]
fn every_broken_file_is_reported_with_its_line() {
    let draft = Draft::new("import \"a/b.proto\";");
    draft.write("a/b.proto", "syntax = \"proto3\";\nmessage {");
    draft.write("c.proto", "syntax = \"proto3\";\n\nmessage X { Y y = 1; Z z = 2; }");
    draft.write("d.proto", "edition = \"2023\";");
    draft.write("e.proto", "syntax = \"proto3\";\nimport \"no.proto\";");
    draft.write("f.proto", "syntax = \"proto3\";\nimport \"../f.proto\";");
    assert_eq!(
        problems(&draft.source()),
        "a/b.proto:2: expected an identifier, but found '{'\n\
         c.proto:3: name 'Y' is not defined\n\
         c.proto:3: name 'Z' is not defined\n\
         d.proto:1: editions are not read: write syntax = \"proto3\" instead\n\
         e.proto:2: import 'no.proto' not found: put it into the contract's folder, or give the folder that imports start from\n\
         f.proto:2: invalid name: imports may not contain backslashes, repeated forward slashes, '.' or '..' components\n"
    );
}

#[test]
fn a_folder_below_the_one_that_imports_start_from_is_told_which_to_give() {
    let draft = Draft::new("");
    draft.write("shop/v1/a.proto", "syntax = \"proto3\"; package shop.v1; import \"shop/v1/b.proto\";");
    draft.write("shop/v1/b.proto", "syntax = \"proto3\"; package shop.v1;");
    let root = draft.folder.path().canonicalize().unwrap();
    for given in ["shop/v1/a.proto", "shop/v1", "shop"] {
        let told = problems(&Source { paths: vec![root.join(given)] });
        let file = if given == "shop" { "v1/a.proto" } else { "a.proto" };
        let expected = format!(
            "{file}:1: import 'shop/v1/b.proto' not found: imports start from {}: give that folder\n",
            root.display()
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn errors_inside_options_are_told_with_their_cause() {
    check(
        "\nmessage M { int64 a = 1 [(rowcall.v1.column) = { nam: \"x\" }]; }",
        "shop.proto:2: invalid value of type 'rowcall.v1.Column' for option '(rowcall.v1.column)': field 'nam' not found for message 'rowcall.v1.Column'",
    );
}

#[test]
fn sources_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::write(at("set.binpb"), "no descriptor set").unwrap();
    std::fs::write(at("shop.proto"), format!("{HEAD}{PLAIN}")).unwrap();
    let check = |paths: &[&str], expected: &str| {
        let source = Source { paths: paths.iter().map(|name| at(name)).collect() };
        let problems = problems(&source).replace(&format!("{}/", folder.path().display()), "");
        assert_eq!(problems, expected);
    };
    check(&[], "no contract is given: name a folder of .proto files, a .proto file or a descriptor set\n");
    check(&["no.proto"], "no.proto: cannot be read: No such file or directory (os error 2)\n");
    check(&["empty"], "empty: has no .proto file: name the folder that has the contract\n");
    check(
        &["set.binpb"],
        "set.binpb: is not a descriptor set: make one with `buf build -o` or `protoc --include_imports --include_source_info -o`\n",
    );
    check(&["shop.proto"], "shop.proto: declares no service: add one with the methods to serve\n");
}

#[test]
fn what_contracts_may_import_resolves_without_files() {
    check(
        "import \"buf/validate/validate.proto\"; import \"google/api/annotations.proto\"; import \"google/api/client.proto\"; \
         import \"google/api/field_info.proto\"; import \"google/rpc/status.proto\"; import \"google/type/date.proto\"; \
         import \"google/type/timeofday.proto\"; import \"google/protobuf/struct.proto\"; import \"rowcall/v1/reason.proto\"; \
         message Track { option (rowcall.v1.table) = {}; int64 track_id = 1; google.type.Date day = 2; } \
         message R { int64 track_id = 1 [(buf.validate.field).int64.gt = 0]; } \
         service S { rpc GetTrack(R) returns (Track) { option (google.api.http) = { get: \"/v1/tracks/{track_id}\" }; } }",
        "",
    );
}

#[test]
fn only_a_contract_that_imports_rules_can_have_any() {
    let methods = "message R { int64 track_id = 1; } service S { rpc GetTrack(R) returns (Track); }";
    let table = "message Track { option (rowcall.v1.table) = {}; int64 track_id = 1; }";
    for (import, expected) in [("", false), ("import \"buf/validate/validate.proto\";", true)] {
        let contract = load(&Draft::new(&format!("{import} {table} {methods}")).source());
        assert_eq!(contract.unwrap_or_else(|p| panic!("{}", lines(&p))).has_rules(), expected, "{import}");
    }
}

#[test]
fn a_users_own_copy_of_an_import_wins_but_for_the_servers_own() {
    let draft = Draft::new(
        "import \"google/type/date.proto\"; message Track { option (rowcall.v1.table) = {}; int64 track_id = 1; google.type.Mine m = 2; } service S {}",
    );
    draft.write(
        "google/type/date.proto",
        "syntax = \"proto3\"; package google.type; message Mine {} service NotServed {}",
    );
    draft.write("rowcall/v1/options.proto", "broken");
    let contract = load(&draft.source()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(contract.services.len(), 1);
}

#[test]
fn two_folders_and_a_single_file_make_one_contract() {
    let one = Draft::new(&format!("{PLAIN}service S {{ rpc GetTrack(GetTrackRequest) returns (Track); }}"));
    let two = tempfile::tempdir().unwrap();
    let file = two.path().join("two.proto");
    std::fs::write(&file, "syntax = \"proto3\"; package two; import \"shop.proto\"; service T { rpc GetTrack(shop.v1.GetTrackRequest) returns (shop.v1.Track); }").unwrap();
    let contract = load(&Source { paths: vec![one.folder.path().to_owned(), file.clone()] });
    let contract = contract.unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(lines(&contract.problems), "");
    assert_eq!(contract.services.len(), 2);
    assert_eq!(contract.resources.len(), 1);
    let clash = two.path().join("shop.proto");
    std::fs::write(&clash, "syntax = \"proto3\";").unwrap();
    let clash = problems(&Source { paths: vec![one.folder.path().to_owned(), clash] });
    assert!(clash.contains("is named shop.proto, like a file in "), "{clash}");
}

#[test]
fn a_descriptor_set_is_the_same_contract() {
    let contract = chinook();
    let mut set = Vec::new();
    for (_, bytes) in reflection(&contract, ReflectOptions::Shown) {
        set.push(0x0a);
        prost::encoding::encode_varint(bytes.len() as u64, &mut set);
        set.extend(bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chinook.binpb");
    std::fs::write(&path, set).unwrap();
    let source = Source { paths: vec![path] };
    assert_eq!(
        problems(&source),
        "chinook/v1/chinook.proto:209: ChinookService.TopArtists: query \"top_artists.sql\" does not exist: put it beside the contract\n"
    );
    let query = super::fixture("chinook").paths[0].join("chinook/v1/top_artists.sql");
    std::fs::copy(query, folder.path().join("top_artists.sql")).unwrap();
    let same = load(&source).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    assert_eq!(same.resources.len(), 11);
    assert_eq!(same.resources[10].fields[1].column.name, ["name"]);
    assert_eq!(digest(&same), digest(&contract));
}

#[test]
fn the_digest_changes_with_content_alone() {
    let text = format!("{PLAIN}service S {{ rpc GetTrack(GetTrackRequest) returns (Track); }}");
    let digest_of = |text: &str| digest(&load(&Draft::new(text).source()).unwrap());
    assert_eq!(digest_of(&text), digest_of(&text));
    assert_eq!(digest_of(&text).len(), 64);
    assert_ne!(digest_of(&text), digest_of(&text.replace("title", "titel")));
}

proptest! {
    // Each compiles a contract.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]
    #[test]
    fn any_damage_to_a_contract_is_answered(from in 0usize..8_000, length in 0usize..40, noise in "[ -~\\n]{0,6}") {
        let mut text = chinook_plain();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.replace_range(from..to, &noise);
        answered(&text)?;
    }

    #[test]
    fn any_deep_damage_to_a_contract_is_answered(text in damage::texts([chinook_plain()])) {
        timed(&text, || answered(&text))?;
    }
}

fn chinook_plain() -> String {
    let path = super::fixture("chinook_plain").paths[0].join("chinook/plain/v1/chinook.proto");
    std::fs::read_to_string(path).unwrap()
}

fn answered(text: &str) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chinook.proto");
    std::fs::write(&file, text).unwrap();
    if let Err(problems) = load(&Source { paths: vec![file] }) {
        prop_assert!(
            problems.iter().all(|problem| !problem.text.is_empty() && !problem.place.file.is_empty())
        );
    }
    Ok(())
}
