"""What every plugin in Python needs: the handshake, mutual TLS, soft stops,
and an end with its host. The contract itself is plugin.proto."""

import base64
import concurrent.futures
import datetime
import os
import sys
import tempfile
import threading

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import plugin_pb2 as pb

COOKIE = ("FIREBREAK_PLUGIN", "7f0d1c52-firebreak-plugin")
CORE, CONTRACT = 1, 1  # versions: of go-plugin's handshake, and of the contract


class Failed(Exception):
    """How a call fails: the class is for runbooks, the reason for people."""

    def __init__(self, kind, reason):
        super().__init__(reason)
        self.message = pb.Failure(**{"class": kind}, reason=reason)


class Stops:
    """Knows which calls run here, and which are to end at their next safe point."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = {}
        self._early = {}  # asked to stop before they came; the oldest is forgotten

    def begin(self, call_id):
        with self._lock:
            if call_id in self._running:
                return None
            stop = self._running[call_id] = threading.Event()
            if self._early.pop(call_id, False):
                stop.set()
            return stop

    def end(self, call_id):
        with self._lock:
            self._running.pop(call_id, None)

    def ask(self, call_id):
        """Whether the call is running; it is asked to stop either way."""
        with self._lock:
            if call_id in self._running:
                self._running[call_id].set()
                return True
            self._early[call_id] = True
            if len(self._early) > 1024:
                del self._early[next(iter(self._early))]
            return False


class Server:
    """Answers a host on behalf of a plugin: an object with description() and
    bind(request), which returns a resource's name and an object with
    plan(call), run(call, stop), probe(call, undo) and health()."""

    def __init__(self, plugin):
        self._plugin = plugin
        self._description = plugin.description()
        self._actions = {action.name: action for action in self._description.actions}
        self._bound = {}
        self._stops = Stops()

    def Describe(self, request, context):
        return self._description

    def Bind(self, request, context):
        try:
            resource, self._bound[request.id] = self._plugin.bind(request)
            return pb.BindResponse(resource=resource)
        except Failed as failed:
            return pb.BindResponse(problems=[failed.message.reason])

    def Plan(self, request, context):
        try:
            return self._target(request.call, context).plan(request.call)
        except Failed as failed:
            return pb.PlanResponse(failure=failed.message)

    def Run(self, request, context):
        call = request.call
        stop = self._stops.begin(call.id)
        if stop is None:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"call {call.id} is running already")
        try:
            yield pb.RunEvent(outcome=self._run(call, stop, context))
        finally:
            self._stops.end(call.id)

    def _run(self, call, stop, context):
        try:
            return self._target(call, context).run(call, stop)
        except Failed as failed:  # raised before anything was changed
            return pb.Outcome(failure=failed.message, applied=pb.APPLIED_NONE)
        except Exception as error:  # nobody knows how far it came
            read = self._actions[call.action].effect == pb.EFFECT_READ
            return pb.Outcome(failure=Failed("internal", f"{type(error).__name__}: {error}").message,
                              applied=pb.APPLIED_NONE if read else pb.APPLIED_UNKNOWN)

    def Probe(self, request, context):
        try:
            return self._target(request.call, context).probe(request.call, request.undo)
        except Failed as failed:
            return pb.ProbeResponse(applied=pb.APPLIED_UNKNOWN, reason=failed.message.reason)

    def Cancel(self, request, context):
        return pb.CancelResponse(running=self._stops.ask(request.id))

    def Health(self, request, context):
        try:
            self._binding(request.binding, context).health()
            return pb.HealthResponse(ok=True)
        except Failed as failed:
            return pb.HealthResponse(text=failed.message.reason)

    def _target(self, call, context):
        bound = self._binding(call.binding, context)
        if call.action not in self._actions:
            raise Failed("invalid", f"plugin {self._description.name} has no action {call.action!r}")
        return bound

    def _binding(self, name, context):
        if name not in self._bound:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"nothing is bound as {name!r}; Bind first")
        return self._bound[name]

    def handler(self):
        service = pb.DESCRIPTOR.services_by_name["Plugin"]
        methods = {}
        for method in service.methods:
            kind = grpc.unary_stream_rpc_method_handler if method.name == "Run" else grpc.unary_unary_rpc_method_handler
            methods[method.name] = kind(
                getattr(self, method.name),
                request_deserializer=getattr(pb, method.input_type.name).FromString,
                response_serializer=getattr(pb, method.output_type.name).SerializeToString if method.name != "Run"
                else pb.RunEvent.SerializeToString)
        return grpc.method_handlers_generic_handler(service.full_name, methods)


def certificate():
    """A key and a certificate for this process, which nobody else has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.utcnow()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256()))
    return (
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        made.public_bytes(serialization.Encoding.PEM), made.public_bytes(serialization.Encoding.DER))


def serve(plugin):
    """Serves plugin to the firebreak that started this process, until that is
    done with it or gone. Prints nothing before the handshake."""
    host = os.environ.get("PLUGIN_CLIENT_CERT", "").encode()
    if os.environ.get(COOKIE[0]) != COOKIE[1] or not host:
        sys.exit("This is a plugin of firebreak, which starts it: name it in firebreak.yaml, or try it with "
                 "`firebreak plugins test`.")
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=64))
    done = threading.Event()

    def shutdown(request, context):
        done.set()
        return b""

    server.add_generic_rpc_handlers((
        Server(plugin).handler(),
        # A host asks whether the process still answers, and says when it is done with it.
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
            "Check": grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")}),  # SERVING
        grpc.method_handlers_generic_handler("plugin.GRPCController", {
            "Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)}),
    ))
    key, pem, der = certificate()
    path = os.path.join(os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp(), f"plugin{os.getpid()}")
    # Only the host that started this process is served, and only this process is believed.
    server.add_secure_port("unix:" + path, grpc.ssl_server_credentials([(key, pem)], host, require_client_auth=True))
    server.start()
    shown = base64.b64encode(der).decode().rstrip("=")
    print(f"{CORE}|{CONTRACT}|unix|{path}|grpc|{shown}", flush=True)
    os.dup2(2, 1)  # what is printed from now on goes to the host's log

    def watch():
        sys.stdin.buffer.read()  # the host holds the other end: it is gone
        done.set()

    threading.Thread(target=watch, daemon=True).start()
    done.wait()
    server.stop(grace=2).wait()
    os._exit(0)  # calls that go on are cut
