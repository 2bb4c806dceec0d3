//! A folder of ours → the folder of its Postgres' socket, whose path has to be short and plain.

use std::path::{Path, PathBuf};

use super::folder::digest;

/// What the shortest system takes for a socket's address, less the name Postgres adds.
const SOCKET_FOLDER_BYTES_MAX: usize = 103 - "/.s.PGSQL.5432.lock".len();

/// Inside the folder, unless the path is too long for a socket or means something to Postgres' list of folders.
pub(super) fn folder(path: &Path) -> PathBuf {
    let inside = path.join("socket");
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    let bytes = inside.as_os_str().as_encoded_bytes();
    match bytes.len() <= SOCKET_FOLDER_BYTES_MAX && bytes.iter().all(|&b| plain(b)) {
        true => inside,
        false => Path::new("/tmp").join(format!("rowcall-{}", digest(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_or_odd_path_has_its_socket_elsewhere() {
        assert_eq!(folder(Path::new("/a/b")), Path::new("/a/b/socket"));
        for path in [format!("/{}", "long/".repeat(30)), "/a, b".to_owned(), "/ö".to_owned()] {
            let sockets = folder(Path::new(&path));
            assert!(sockets.starts_with("/tmp"), "{}", sockets.display());
            assert!(sockets.as_os_str().len() <= SOCKET_FOLDER_BYTES_MAX);
        }
    }
}
