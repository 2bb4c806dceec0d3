//! Who we are: root, a user with a name, a user id that nobody has. Another user than this test's needs root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use rowcall::embedded::Error;

use super::{LOAD, child, count, place, refused, settings, start};

/// Of no user, on any machine that this runs on.
const NAMELESS: u32 = 54_321;

/// The user that every system names.
const NOBODY: u32 = 65_534;

/// These tests fail rather than pass unseen.
const NOT_ROOT: &str = "this test becomes another user, which only root may do. Run it as root: \
    sudo env \"PATH=$PATH\" \"HOME=$HOME\" cargo test --test integration embedded::accounts::";

/// What starts a program as another user.
fn user(uid: u32) -> Vec<String> {
    assert!(rustix::process::geteuid().is_root(), "{NOT_ROOT}");
    let ids = [format!("--reuid={uid}"), format!("--regid={uid}")];
    ["setpriv".to_owned()].into_iter().chain(ids).chain(["--clear-groups".into(), "--".into()]).collect()
}

/// Runs a test of below as that user, in a folder of theirs.
async fn run(uid: u32, before: &[&str], name: &str, folder: &Path) {
    let user = user(uid);
    chown(folder, Some(uid), Some(uid)).expect("we are root");
    let before: Vec<&str> = before.iter().copied().chain(user.iter().map(String::as_str)).collect();
    child::succeed(child::command(&before, &format!("embedded::accounts::{name}"), folder)).await;
}

#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_that_serves() {
    let Some(folder) = child::folder() else { return };
    for _ in 0..2 {
        let embedded = start(&folder).await;
        assert_eq!(count(&embedded, "t").await, 1000);
        let owner = fs::metadata(embedded.folder().join("postgres")).expect("the data").uid();
        assert_eq!(owner, rustix::process::geteuid().as_raw());
        embedded.stop().await;
    }
}

#[tokio::test]
#[ignore = "the body of a child process"]
async fn child_that_is_refused() {
    let Some(folder) = child::folder() else { return };
    let error = refused(settings(&folder, LOAD)).await;
    println!("{:#}", anyhow::Error::from(error));
}

#[tokio::test]
async fn a_user_with_a_name_serves_as_itself() {
    let folder = place();
    run(NOBODY, &["env"], "child_that_serves", folder.path()).await;
}

#[tokio::test]
async fn as_root_the_data_are_of_an_unprivileged_user() {
    assert!(rustix::process::geteuid().is_root(), "{NOT_ROOT}");
    let folder = place();
    let embedded = start(folder.path()).await;
    let owner = fs::metadata(embedded.folder().join("postgres")).expect("the data").uid();
    assert_ne!(owner, 0);
    embedded.stop().await;
}

#[tokio::test]
async fn a_user_without_a_name_serves_with_the_library_that_names_it() {
    let folder = place();
    run(NAMELESS, &["env"], "child_that_serves", folder.path()).await;
    assert!(folder.path().join("data/passwd").exists(), "libnss-wrapper is not installed");
}

/// A library that is no file any more, in what the child sees.
const HIDE: &str =
    r#"for f in /usr/lib/*/libnss_wrapper.so; do mount --bind /dev/null "$f" || exit 1; done; exec "$@""#;

#[tokio::test]
async fn a_user_without_a_name_or_a_library_serves_as_another_in_a_namespace() {
    let folder = place();
    let hidden = ["unshare", "--mount", "sh", "-c", HIDE, "sh"];
    run(NAMELESS, &hidden, "child_that_serves", folder.path()).await;
    assert!(!folder.path().join("data/passwd").exists(), "the library was not hidden");
}

#[tokio::test]
async fn a_user_without_any_name_is_told_what_to_do_before_anything_is_made() {
    let folder = place();
    // Nor has it a way to namespaces.
    let script = format!("mount --bind /dev/null \"$(command -v unshare)\" || exit 1\n{HIDE}");
    let hidden = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    let user = user(NAMELESS);
    chown(folder.path(), Some(NAMELESS), Some(NAMELESS)).expect("we are root");
    let before: Vec<&str> = hidden.into_iter().chain(user.iter().map(String::as_str)).collect();
    let name = "embedded::accounts::child_that_is_refused";
    let output = child::command(&before, name, folder.path()).output().await.expect("a child");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = format!("rowcall:x:{NAMELESS}:{NAMELESS}::/:/bin/false");
    assert!(output.status.success() && said.contains("has no name") && said.contains(&line), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_folder_that_is_not_writable_is_said_to_be() {
    let folder = place();
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let user = user(NOBODY);
    let before: Vec<&str> = user.iter().map(String::as_str).collect();
    let refused = || async {
        let name = "embedded::accounts::child_that_is_refused";
        let output = child::command(&before, name, folder.path()).output().await.expect("a child");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    let said = refused().await;
    let expected = format!("/data cannot be used by the user with id {NOBODY}: give it to that user");
    assert!(said.contains(&expected) && said.contains("Permission denied"), "{said}");
    assert_eq!(fs::read_dir(&data).expect("a folder").count(), 0);
    // Nor one that root has used.
    start(folder.path()).await.stop().await;
    let said = refused().await;
    let expected =
        format!("but PostgreSQL would run as the one with id {NOBODY}: remove the folder to begin again");
    assert!(said.contains(&expected), "{said}");
    // Which root goes on using.
    start(folder.path()).await.stop().await;
}

#[tokio::test]
async fn data_of_another_user_are_refused() {
    let folder = place();
    run(NOBODY, &["env"], "child_that_serves", folder.path()).await;
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::OtherOwner { owner: NOBODY, .. }), "{error}");
    let data = folder.path().join("data/postgres");
    assert_eq!(fs::metadata(data).expect("the data").uid(), NOBODY);
}
