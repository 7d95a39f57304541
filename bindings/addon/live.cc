// Glue for what the live backend needs beyond single system calls: records emptied by a thread, waiting without blocking Node's loop,
// signals while a script blocks, a command held before its exec. Typed by bindings/addon/index.ts.
#include <napi.h>
#include <cxxabi.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "linux/interrupt.h"
#include "linux/records.h"
#include "parts.h"
#if defined(__x86_64__)
#include "ptrace/spawn.h"
#endif

namespace skep {
namespace {

Napi::Value number(const Napi::CallbackInfo& info, long value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

class RecordsObject : public Napi::ObjectWrap<RecordsObject> {
 public:
  static void define(Napi::Env env, Napi::Object sys) {
    sys.Set("Records", DefineClass(env, "Records",
                                   {InstanceMethod<&RecordsObject::add_perf>("addPerf"),
                                    InstanceMethod<&RecordsObject::add_ring>("addRing"),
                                    InstanceMethod<&RecordsObject::start>("start"),
                                    InstanceMethod<&RecordsObject::take>("take"),
                                    InstanceMethod<&RecordsObject::close>("close")}));
  }
  explicit RecordsObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<RecordsObject>(info), records_(std::make_unique<Records>(info[0].ToBoolean().Value())) {}

 private:
  Napi::Value add_perf(const Napi::CallbackInfo& info) {
    return number(info, records_ ? -records_->add_perf(info[0].ToNumber().Int32Value(), info[1].ToNumber().Int32Value(),
                                                      info[2].ToNumber().Uint32Value(), info[3].ToBoolean().Value())
                                 : -EBADF);
  }
  Napi::Value add_ring(const Napi::CallbackInfo& info) {
    return number(info, records_ ? -records_->add_ring(info[0].ToNumber().Int32Value(), info[1].ToNumber().Uint32Value())
                                 : -EBADF);
  }
  Napi::Value start(const Napi::CallbackInfo& info) {
    if (!records_) return number(info, -EBADF);
    const int error = records_->start();
    return number(info, error ? -error : records_->event_fd());
  }
  Napi::Value take(const Napi::CallbackInfo& info) {
    if (!records_) return info.Env().Undefined();
    auto* batch = new std::vector<uint8_t>(records_->take());
    if (batch->empty()) {
      delete batch;
      return info.Env().Undefined();
    }
    napi_value buffer;
    const napi_status made = napi_create_external_arraybuffer(
        info.Env(), batch->data(), batch->size(),
        [](napi_env, void*, void* hint) { delete static_cast<std::vector<uint8_t>*>(hint); }, batch, &buffer);
    if (made == napi_ok) return Napi::Value(info.Env(), buffer);
    // A runtime that allows no external memory.
    auto copy = Napi::ArrayBuffer::New(info.Env(), batch->size());
    memcpy(copy.Data(), batch->data(), batch->size());
    delete batch;
    return copy;
  }
  Napi::Value close(const Napi::CallbackInfo& info) {
    records_.reset();
    return info.Env().Undefined();
  }

  std::unique_ptr<Records> records_;
};

// waitAsync(fds: Int32Array, timeoutMs, done: () => void): a thread waits until one is readable or time is up, then `done` is called on
// Node's loop. Answers a descriptor that ends the wait when 8 bytes are written to it, or -errno.
Napi::Value wait_async(const Napi::CallbackInfo& info) {
  Bytes fds;
  if (!bytes_of(info.Env(), info[0], &fds)) return info.Env().Undefined();
  const int cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (cancel < 0) return number(info, -errno);
  std::vector<pollfd> polled;
  const auto* list = reinterpret_cast<const int32_t*>(fds.data);
  for (size_t i = 0; i < fds.size / 4; i++) polled.push_back({list[i], POLLIN, 0});
  polled.push_back({cancel, POLLIN, 0});
  const int timeout = info[1].ToNumber().Int32Value();
  auto done = Napi::ThreadSafeFunction::New(info.Env(), info[2].As<Napi::Function>(), "skep wait", 0, 1);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([polled = std::move(polled), timeout, done, cancel]() mutable {
    ::poll(polled.data(), polled.size(), timeout);
    done.BlockingCall([cancel](Napi::Env, Napi::Function callback) {
      ::close(cancel);
      callback.Call({});
    });
    done.Release();
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return number(info, cancel);
}

// interruptOn(signo, flag: Int32Array of three words or more on a SharedArrayBuffer): 0 or -errno
Napi::Value interrupt_on_signal(const Napi::CallbackInfo& info) {
  Bytes flag;
  if (!bytes_of(info.Env(), info[1], &flag)) return info.Env().Undefined();
  if (flag.size < 12) return number(info, -EINVAL);
  const int error = interrupt_on(info[0].ToNumber().Int32Value(), reinterpret_cast<std::atomic<int32_t>*>(flag.data));
  if (error == 0) {
    // The handler may run at any time until the end of this environment: the memory must stay.
    auto* held = new Napi::ObjectReference(Napi::Persistent(info[1].As<Napi::Object>()));
    info.Env().AddCleanupHook(
        [](Napi::ObjectReference* h) {
          interrupt_off();
          delete h;
        },
        held);
  }
  return number(info, -error);
}

Napi::Value interrupt_off_all(const Napi::CallbackInfo& info) {
  interrupt_off();
  return info.Env().Undefined();
}

#if defined(__x86_64__)
// spawnHeld(path, argv, envp, cwd): Int32Array [pid, go, errors], or -errno
Napi::Value spawn_held_command(const Napi::CallbackInfo& info) {
  auto strings = [&](size_t index) {
    std::vector<std::string> out;
    const auto array = info[index].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) out.push_back(Napi::Value(array[i]).ToString().Utf8Value());
    return out;
  };
  const Command command = {info[0].ToString().Utf8Value(), strings(1), strings(2), info[3].ToString().Utf8Value()};
  Held held;
  if (int error = spawn_held(command, {}, &held)) return number(info, -error);
  auto out = Napi::Int32Array::New(info.Env(), 3);
  out[0] = held.pid;
  out[1] = held.go;
  out[2] = held.error_pipe;
  return out;
}
#endif

// syscall(nr, ...up to six of: number, bigint, bytes): the kernel's answer, negative for -errno
Napi::Value any_syscall(const Napi::CallbackInfo& info) {
  long args[6] = {};
  for (size_t i = 0; i < 6 && i + 1 < info.Length(); i++) {
    const Napi::Value value = info[i + 1];
    if (value.IsNumber()) {
      args[i] = value.ToNumber().Int64Value();
    } else if (value.IsBigInt()) {
      bool lossless;
      args[i] = static_cast<long>(value.As<Napi::BigInt>().Uint64Value(&lossless));
    } else if (value.IsTypedArray()) {
      Bytes bytes;
      if (!bytes_of(info.Env(), value, &bytes)) return info.Env().Undefined();
      args[i] = reinterpret_cast<long>(bytes.data);
    }
  }
  const long result = ::syscall(info[0].ToNumber().Int64Value(), args[0], args[1], args[2], args[3], args[4], args[5]);
  return number(info, result < 0 ? -errno : result);
}

// demangle(name): a C++ name of the Itanium ABI as C++ writes it, undefined for any other
Napi::Value demangle(const Napi::CallbackInfo& info) {
  int status = 0;
  char* text = abi::__cxa_demangle(info[0].ToString().Utf8Value().c_str(), nullptr, nullptr, &status);
  if (text == nullptr || status != 0) return info.Env().Undefined();
  const auto out = Napi::String::New(info.Env(), text);
  free(text);
  return out;
}

// resolve(library, name): where the dynamic linker leads a call of the library's function in our own process, as a bigint; undefined for a library that is
// not loaded here (it is not loaded for this), and for a name that it does not have
Napi::Value resolve(const Napi::CallbackInfo& info) {
  void* library = dlopen(info[0].ToString().Utf8Value().c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return info.Env().Undefined();
  void* address = dlsym(library, info[1].ToString().Utf8Value().c_str());
  dlclose(library);
  if (address == nullptr) return info.Env().Undefined();
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(reinterpret_cast<uintptr_t>(address)));
}

// Numbers of the calls that TypeScript makes, as this architecture has them.
constexpr struct {
  const char* name;
  long number;
} kCalls[] = {
    {"bind", SYS_bind},           {"eventfd2", SYS_eventfd2},
    {"fcntl", SYS_fcntl},         {"getsockname", SYS_getsockname},
    {"getsockopt", SYS_getsockopt}, {"kill", SYS_kill},
    {"mkdirat", SYS_mkdirat},     {"prlimit64", SYS_prlimit64},
    {"read", SYS_read},           {"recvfrom", SYS_recvfrom},
    {"sendto", SYS_sendto},       {"setsockopt", SYS_setsockopt},
    {"socket", SYS_socket},       {"unlinkat", SYS_unlinkat},
    {"wait4", SYS_wait4},         {"write", SYS_write},
    {"fsconfig", 431},            {"fsmount", 432},
    {"fsopen", 430},              {"pidfd_open", 434},
    {"pidfd_send_signal", 424},
};

}  // namespace

void register_live(Napi::Env env, Napi::Object sys) {
  RecordsObject::define(env, sys);
  sys.Set("waitAsync", Napi::Function::New<wait_async>(env, "waitAsync"));
  sys.Set("interruptOn", Napi::Function::New<interrupt_on_signal>(env, "interruptOn"));
  sys.Set("interruptOff", Napi::Function::New<interrupt_off_all>(env, "interruptOff"));
#if defined(__x86_64__)
  sys.Set("spawnHeld", Napi::Function::New<spawn_held_command>(env, "spawnHeld"));
#endif
  sys.Set("demangle", Napi::Function::New<demangle>(env, "demangle"));
  sys.Set("resolve", Napi::Function::New<resolve>(env, "resolve"));
  sys.Set("syscall", Napi::Function::New<any_syscall>(env, "syscall"));
  auto calls = Napi::Object::New(env);
  for (const auto& call : kCalls) calls.Set(call.name, Napi::Number::New(env, static_cast<double>(call.number)));
  sys.Set("calls", calls);
}

}  // namespace skep
