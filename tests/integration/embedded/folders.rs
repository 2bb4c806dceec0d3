//! A folder that is not ours, not of our Postgres, not reachable, not even a folder: said, and left as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rowcall::embedded::Error;

use super::{LOAD, count, place, refused, settings, start};

#[tokio::test]
async fn a_folder_of_others_is_refused_and_left_alone() {
    let folder = place();
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("thesis.txt"), "years of work").expect("a file");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_dir(&data).expect("a folder").count(), 1);
}

#[tokio::test]
async fn data_of_another_version_are_refused() {
    let folder = place();
    start(folder.path()).await.stop().await;
    fs::write(folder.path().join("data/postgres/PG_VERSION"), "11\n").expect("a file");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::OtherVersion { major: 11, .. }), "{error}");
}

#[tokio::test]
async fn a_long_path_and_odd_names_are_no_obstacle() {
    let folder = place();
    let odd = folder.path().join("it's, a \"folder\" ü").join("x".repeat(90));
    let embedded = start(&odd).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

/// Only root becomes someone else, who cannot go everywhere.
#[tokio::test]
async fn data_go_where_the_user_can() {
    let folder = place();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder.path(), closed).expect("it is ours");
    let embedded = start(folder.path()).await;
    assert_eq!(count(&embedded, "t").await, 1000);
    let where_they_are = embedded.folder().to_owned();
    embedded.stop().await;
    let inside = where_they_are.starts_with(fs::canonicalize(folder.path()).expect("a folder"));
    assert_eq!(inside, !rustix::process::geteuid().is_root(), "{}", where_they_are.display());
    if !inside {
        fs::remove_dir_all(&where_they_are).expect("it is ours");
        // Ours too, unless something else is in it.
        let _ = fs::remove_dir(where_they_are.parent().expect("a parent"));
    }
}

/// A person's own Postgres data, say.
#[tokio::test]
async fn data_of_somebodys_own_postgres_are_left_alone() {
    let folder = place();
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("base")).expect("a folder");
    fs::write(data.join("PG_VERSION"), "15\n").expect("a file");
    let said = refused(settings(folder.path(), LOAD)).await.to_string();
    assert!(said.contains("/data is not a data folder of this server: name another"), "{said}");
    assert_eq!(names(&data), ["PG_VERSION", "base"]);
}

#[tokio::test]
async fn a_file_and_a_link_to_nothing_are_refused() {
    let folder = place();
    let data = folder.path().join("data");
    fs::write(&data, "a file").expect("a file");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_to_string(&data).expect("the file"), "a file");
    let error = refused(settings(&data, LOAD)).await;
    assert!(error.to_string().contains("/data"), "{error}");
    fs::remove_file(&data).expect("it is ours");
    symlink(folder.path().join("nothing"), &data).expect("a link");
    let error = refused(settings(folder.path(), LOAD)).await;
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    assert_eq!(names(folder.path()), ["data"]);
}

#[tokio::test]
async fn an_empty_folder_and_a_link_to_it_will_do() {
    let folder = place();
    let real = folder.path().join("real");
    fs::create_dir(&real).expect("a folder");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).expect("it is ours");
    symlink(&real, folder.path().join("data")).expect("a link");
    let embedded = start(folder.path()).await;
    assert_eq!(embedded.folder(), fs::canonicalize(&real).expect("a folder"));
    assert_eq!(count(&embedded, "t").await, 1000);
    embedded.stop().await;
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
