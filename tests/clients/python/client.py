"""A contract's exported files and a server's address -> what a Python caller sees.

client.py ADDRESS open|locked EXPORT_DIR

`open` is a server over the music store; `locked` is one with a single connection whose table `track`
somebody holds locked, so that every statement waits.
"""

import importlib
import pathlib
import socket
import sys
import tempfile
import threading
import time
import traceback

import grpc
import grpc_tools
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc


def generate(exported, into):
    """Generates stubs for everything but google/, which the pinned packages bring."""
    files = [str(file.relative_to(exported)) for file in sorted(exported.rglob("*.proto"))]
    files = [file for file in files if not file.startswith("google/")]
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(
        ["protoc", f"-I{exported}", f"-I{well_known}", f"--python_out={into}", f"--grpc_python_out={into}", *files]
    )
    assert code == 0, f"protoc refused the exported contract: {files}"
    sys.path.insert(0, str(into))
    own = next(file for file in files if "service ChinookService" in (exported / file).read_text())
    module = own.removesuffix(".proto").replace("/", ".").replace("-", "_")
    return importlib.import_module(f"{module}_pb2"), importlib.import_module(f"{module}_pb2_grpc")


class Caller:
    """The stubs, and channels to the server."""

    def __init__(self, address, exported, generated):
        self.address = address
        self.pb, self.grpc = generate(exported, generated)

    def stub(self, address=None, **options):
        channel = grpc.insecure_channel(address or self.address, options=list(options.items()))
        return self.grpc.ChinookServiceStub(channel)

    def fails(self, call):
        """The error of a call that must fail, with its details by type."""
        try:
            call()
        except grpc.RpcError as error:
            status = rpc_status.from_call(error)
            details = {} if status is None else {any.TypeName(): any for any in status.details}
            return error, details
        raise AssertionError("the call succeeded")


def unpack(details, kind):
    message = kind()
    name = kind.DESCRIPTOR.full_name
    assert name in details, f"no {name} among {sorted(details)}"
    assert details[name].Unpack(message)
    return message


def equal(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


class Counter:
    """A TCP relay that counts what the server sends: the library does not tell what was compressed."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.target = (host, int(port))
        self.received = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(self.target)
            threading.Thread(target=self.relay, args=(near, far, 0), daemon=True).start()
            threading.Thread(target=self.relay, args=(far, near, 1), daemon=True).start()

    def relay(self, source, target, counted):
        try:
            while data := source.recv(65536):
                self.received += counted * len(data)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def unary(caller):
    track = caller.stub().GetTrack(caller.pb.GetTrackRequest(name="tracks/1"), timeout=10)
    equal(track.name, "tracks/1")
    equal(track.title, "For Those About To Rock (We Salute You)")
    equal(track.composer, "Angus Young, Malcolm Young, Brian Johnson")
    equal(track.album, "albums/1")
    equal(track.length.ToMilliseconds(), 343719)
    equal(track.unit_price, "0.99")
    assert not track.HasField("album_detail"), "a relation that nobody asked for"


def null_is_absent(caller):
    request = caller.pb.ListTracksRequest(filter="NOT composer:*", page_size=1)
    track = caller.stub().ListTracks(request, timeout=10).tracks[0]
    assert not track.HasField("composer"), track


def mask(caller):
    request = caller.pb.GetTrackRequest(name="tracks/1")
    request.read_mask.paths.extend(["title", "album_detail.title"])
    track = caller.stub().GetTrack(request, timeout=10)
    equal({field.name for field, _ in track.ListFields()}, {"title", "album_detail"})
    equal([field.name for field, _ in track.album_detail.ListFields()], ["title"])


def pages(caller):
    stub, names, token = caller.stub(), [], ""
    while True:
        page = stub.ListTracks(caller.pb.ListTracksRequest(page_size=997, page_token=token), timeout=10)
        names += [track.name for track in page.tracks]
        token = page.next_page_token
        if not token:
            break
    equal(names, [f"tracks/{key}" for key in range(1, 3504)])


def stream(caller):
    chunks = list(caller.stub().StreamTracks(caller.pb.StreamTracksRequest(chunk_size=500), timeout=30))
    assert len(chunks) >= 8, f"{len(chunks)} chunks"
    equal([track.name for chunk in chunks for track in chunk.tracks], [f"tracks/{key}" for key in range(1, 3504)])
    rest = caller.pb.StreamTracksRequest(chunk_size=500, resume_token=chunks[1].resume_token)
    first = next(iter(caller.stub().StreamTracks(rest, timeout=30)))
    equal(first.tracks[0].name, "tracks/1001")


def stream_is_cancelled(caller):
    stub = caller.stub()
    chunks = stub.StreamTracks(caller.pb.StreamTracksRequest(chunk_size=1), timeout=30)
    equal(next(chunks).tracks[0].name, "tracks/1")
    chunks.cancel()
    error, _ = caller.fails(lambda: list(chunks))
    equal(error.code(), grpc.StatusCode.CANCELLED)
    stub.GetTrack(caller.pb.GetTrackRequest(name="tracks/1"), timeout=10)


def gzip(caller):
    request = caller.pb.ListTracksRequest(page_size=1000)
    plain, packed = Counter(caller.address), Counter(caller.address)
    identity_only = caller.stub(plain.address, **{"grpc.compression_enabled_algorithms_bitset": 1})
    expected = identity_only.ListTracks(request, timeout=10)
    # The request is compressed as well.
    found = caller.stub(packed.address).ListTracks(request, timeout=10, compression=grpc.Compression.Gzip)
    equal(found.tracks, expected.tracks)
    assert packed.received < plain.received / 2, f"{packed.received} of {plain.received} bytes"


def missing_row(caller):
    error, details = caller.fails(
        lambda: caller.stub().GetTrack(caller.pb.GetTrackRequest(name="tracks/999999"), timeout=10)
    )
    equal(error.code(), grpc.StatusCode.NOT_FOUND)
    info = unpack(details, error_details_pb2.ErrorInfo)
    equal((info.reason, info.domain), ("ROW_MISSING", "rowcall.dev"))
    resource = unpack(details, error_details_pb2.ResourceInfo)
    equal(resource.resource_name, "tracks/999999")
    equal(resource.resource_type, "chinook.example.com/Track")


def wrong_filter(caller):
    request = caller.pb.ListTracksRequest(filter="lenght > 200s")
    error, details = caller.fails(lambda: caller.stub().ListTracks(request, timeout=10))
    equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
    assert '"length"' in error.details(), error.details()
    equal(unpack(details, error_details_pb2.ErrorInfo).reason, "FILTER_INVALID")
    violations = unpack(details, error_details_pb2.BadRequest).field_violations
    equal([violation.field for violation in violations], ["filter"])


def metadata(caller):
    _, call = caller.stub().ListTracks.with_call(
        caller.pb.ListTracksRequest(page_size=1), timeout=10, metadata=[("rowcall-total", "exact")]
    )
    headers = dict(call.initial_metadata())
    equal(headers.get("rowcall-total"), "3503; exact")
    assert float(headers["x-process-time"]) > 0


def locked_deadline(caller):
    start = time.monotonic()
    error, _ = caller.fails(
        lambda: caller.stub().GetTrack(caller.pb.GetTrackRequest(name="tracks/1"), timeout=0.5)
    )
    equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - start < 5


def locked_cancel(caller):
    stub = caller.stub()
    call = stub.GetTrack.future(caller.pb.GetTrackRequest(name="tracks/1"), timeout=30)
    assert call.cancel()
    equal(call.code(), grpc.StatusCode.CANCELLED)


def locked_busy(caller):
    """One call has the only connection; the next is told when to come again.

    The library keeps `grpc-retry-pushback-ms` to itself.
    """
    stub = caller.stub()
    errors = []
    lists = [
        stub.ListTracks.future(caller.pb.ListTracksRequest(page_size=size), timeout=20) for size in (1, 2, 3)
    ]
    done = threading.Semaphore(0)
    for call in lists:
        call.add_done_callback(lambda _: done.release())
    # All but the one that has the connection end.
    for _ in lists[1:]:
        assert done.acquire(timeout=15), "nobody was told to come again"
    for call in lists:
        if call.done():
            errors.append(caller.fails(call.result))
        else:
            call.cancel()
    assert len(errors) == len(lists) - 1, [repr(error) for error, _ in errors]
    for error, details in errors:
        equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        equal(unpack(details, error_details_pb2.ErrorInfo).reason, "DATABASE_BUSY")
        retry = unpack(details, error_details_pb2.RetryInfo)
        assert retry.retry_delay.ToMilliseconds() > 0


SCENES = {
    "open": [
        unary,
        null_is_absent,
        mask,
        pages,
        stream,
        stream_is_cancelled,
        gzip,
        missing_row,
        wrong_filter,
        metadata,
    ],
    "locked": [locked_busy, locked_deadline, locked_cancel],
}


def main(address, scene, exported):
    failed = 0
    with tempfile.TemporaryDirectory() as generated:
        caller = Caller(address, pathlib.Path(exported), pathlib.Path(generated))
        for test in SCENES[scene]:
            try:
                test(caller)
            except Exception:
                failed += 1
                print(f"{test.__name__}:\n{traceback.format_exc()}")
    print(f"{len(SCENES[scene]) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[2] not in SCENES:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
