//! Arguments for grpcurl → what it printed, taken apart.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Deserializer, Value};

/// What grpcurl adds to a status code when it ends with it.
const EXIT_BASE: i32 = 64;

pub struct Answer {
    /// The gRPC code; 0 is OK.
    pub code: i32,
    pub out: String,
    /// Errors are written here, with their details.
    pub error: String,
}

impl Answer {
    /// The messages, of a call without `-v`.
    pub fn messages(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{}", self.error);
        let messages = Deserializer::from_str(&self.out).into_iter();
        messages.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("not JSON: {}", self.out))
    }

    /// The only message of a unary call.
    pub fn message(&self) -> Value {
        let mut messages = self.messages();
        assert_eq!(messages.len(), 1, "{}", self.out);
        messages.remove(0)
    }

    /// A header of a unary call with `-v`.
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        // What was sent is printed first, in the same form.
        let (_, received) = self.out.split_once("Response headers received:\n").unwrap_or_default();
        let found = received.lines().find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_else(|| panic!("no {name} in:\n{}\n{}", self.out, self.error))
    }

    /// Asserts what an error says, in its message and in decoded details.
    pub fn fails_with(&self, code: &str, parts: &[&str]) {
        assert!(self.error.contains(&format!("Code: {code}\n")), "{}\n{}", self.out, self.error);
        assert!(
            !self.error.contains("\"@error\"") && !self.error.contains("\"@value\""),
            "not decoded: {}",
            self.error
        );
        for part in parts {
            assert!(self.error.contains(part), "no {part} in:\n{}", self.error);
        }
    }
}

pub fn grpcurl(arguments: &[&str]) -> Answer {
    let output = command(arguments).output().expect("grpcurl starts");
    let exit = output.status.code().expect("grpcurl ends by itself");
    Answer {
        code: if exit > EXIT_BASE { exit - EXIT_BASE } else { exit },
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        error: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The first messages of a stream, after which grpcurl is killed.
pub fn interrupted(arguments: &[&str], messages: usize) -> Vec<Value> {
    let mut process = command(arguments).stdout(Stdio::piped()).spawn().expect("grpcurl starts");
    let out = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let read = Deserializer::from_reader(out).into_iter().take(messages).collect::<Result<Vec<_>, _>>();
    process.kill().expect("grpcurl is killed");
    process.wait().expect("grpcurl has ended");
    read.expect("messages")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.arg("-plaintext").args(arguments).stdin(Stdio::null());
    command
}

fn path() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/grpcurl");
    assert!(ours.exists(), "{} is missing: run `make test-stack`, which installs it", ours.display());
    ours
}
