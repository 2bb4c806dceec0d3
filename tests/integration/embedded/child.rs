//! A test that runs in a process of its own: to be killed, as another user, or with a disk of its own.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// The test of this name, run by whatever `before` runs the rest of a line with. Tests that are ignored otherwise.
pub fn command(before: &[&str], name: &str, folder: &Path) -> Command {
    let exe = File::open("/proc/self/exe").expect("this program");
    let mut words = before.iter().copied().chain(["/proc/self/fd/0"]);
    let mut command = Command::new(words.next().expect("at least one word"));
    command.args(words).args(["--exact", name, "--ignored", "--nocapture"]);
    // By its handle, since other users may have no right to be where it lies.
    command.stdin(Stdio::from(exe)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("ROWCALL_TEST_FOLDER", folder).current_dir("/").kill_on_drop(true);
    command
}

/// None in a run of all tests that are ignored.
pub fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os("ROWCALL_TEST_FOLDER").map(Into::into)
}

/// Runs it to its end, which must be a good one.
pub async fn succeed(mut command: Command) {
    let output = command.output().await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{command:?}:\n{out}\n{error}");
}
