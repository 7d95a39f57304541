// Glue for native/ptrace: a class Tracer, and a few functions of the thread and the process. Typed by bindings/addon/index.ts.
#include <napi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "parts.h"
#include "ptrace/tracer.h"

namespace skep {
namespace {

std::vector<std::string> strings(const Napi::Value& value) {
  std::vector<std::string> out;
  if (!value.IsArray()) return out;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) out.push_back(Napi::Value(array[i]).ToString().Utf8Value());
  return out;
}

// An address: a bigint, or a number that is exact.
uint64_t address_of(const Napi::Value& value) {
  bool lossless;
  if (value.IsBigInt()) return value.As<Napi::BigInt>().Uint64Value(&lossless);
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

Napi::Value copy_of(Napi::Env env, const void* data, size_t size) {
  auto out = Napi::Uint8Array::New(env, size);
  if (size) memcpy(out.Data(), data, size);
  return out;
}

class TracerObject : public Napi::ObjectWrap<TracerObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    Napi::Function constructor = DefineClass(env, "Tracer",
        {InstanceMethod<&TracerObject::interest>("interest"), InstanceMethod<&TracerObject::start>("start"),
         InstanceMethod<&TracerObject::attach>("attach"), InstanceMethod<&TracerObject::next>("next"),
         InstanceMethod<&TracerObject::resume>("resume"), InstanceMethod<&TracerObject::ignore>("ignore"),
         InstanceMethod<&TracerObject::kill>("kill"), InstanceMethod<&TracerObject::read>("read"),
         InstanceMethod<&TracerObject::facts>("facts"), InstanceMethod<&TracerObject::fd>("fd"),
         InstanceMethod<&TracerObject::exit_status>("exitStatus"), InstanceMethod<&TracerObject::task_count>("taskCount")});
    exports.Set("Tracer", constructor);
  }

  // new Tracer(shared: Uint8Array of sharedSize bytes, flag?: Int32Array on a SharedArrayBuffer)
  explicit TracerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TracerObject>(info) {
    Napi::Env env = info.Env();
    Bytes shared, flag;
    if (!bytes_of(env, info[0], &shared)) return;
    if (shared.size < sizeof(Shared) || reinterpret_cast<uintptr_t>(shared.data) % 8 != 0) {
      Napi::RangeError::New(env, "the shared record is too small or not aligned").ThrowAsJavaScriptException();
      return;
    }
    if (info[1].IsTypedArray() && !bytes_of(env, info[1], &flag)) return;
    // Both arrays must outlive the tracer.
    shared_ = Napi::Persistent(info[0].As<Napi::Object>());
    if (flag.data) flag_ = Napi::Persistent(info[1].As<Napi::Object>());
    tracer_ = new Tracer(reinterpret_cast<Shared*>(shared.data),
                         flag.size >= 4 ? reinterpret_cast<std::atomic<int32_t>*>(flag.data) : nullptr);
  }
  ~TracerObject() override { delete tracer_; }

 private:
  // interest(nr, exit)
  void interest(const Napi::CallbackInfo& info) {
    tracer_->add_interest(info[0].ToNumber().Int32Value(), info[1].ToBoolean());
  }
  // start(path, argv, envp, cwd): pid or -errno
  Napi::Value start(const Napi::CallbackInfo& info) {
    Command command;
    command.path = info[0].ToString().Utf8Value();
    command.argv = strings(info[1]);
    command.envp = strings(info[2]);
    command.cwd = info[3].IsString() ? info[3].ToString().Utf8Value() : "";
    const int result = tracer_->start(command);
    thread_ = gettid();
    return Napi::Number::New(info.Env(), result);
  }
  // attach(pid): number of threads or -errno
  Napi::Value attach(const Napi::CallbackInfo& info) {
    const int result = tracer_->attach(info[0].ToNumber().Int32Value());
    thread_ = gettid();
    return Napi::Number::New(info.Env(), result);
  }
  bool own_thread(Napi::Env env) {
    if (thread_ == 0 || thread_ == gettid()) return true;
    Napi::Error::New(env, "a tracer works only on the thread that started it").ThrowAsJavaScriptException();
    return false;
  }
  // next(timeoutMs): kind of the record that now lies in the shared memory
  Napi::Value next(const Napi::CallbackInfo& info) {
    if (!own_thread(info.Env())) return info.Env().Undefined();
    int32_t timeout = -1;
    napi_get_value_int32(info.Env(), info[0], &timeout);
    napi_value kind;
    napi_create_int32(info.Env(), static_cast<int32_t>(tracer_->next(timeout)), &kind);
    return Napi::Value(info.Env(), kind);
  }
  void resume(const Napi::CallbackInfo& info) {
    if (own_thread(info.Env())) tracer_->resume();
  }
  void ignore(const Napi::CallbackInfo& info) {
    if (own_thread(info.Env())) tracer_->ignore();
  }
  void kill(const Napi::CallbackInfo& info) {
    if (own_thread(info.Env())) tracer_->kill_all();
  }
  // read(tid, address, destination: Uint8Array): bytes read or -errno
  Napi::Value read(const Napi::CallbackInfo& info) {
    Bytes to;
    if (!bytes_of(info.Env(), info[2], &to)) return info.Env().Undefined();
    const ssize_t got = read_memory(info[0].As<Napi::Number>().Int32Value(), address_of(info[1]), to.data, to.size);
    return Napi::Number::New(info.Env(), static_cast<double>(got));
  }
  // facts(tid): a version (0: no such task); the facts lie in the shared memory
  Napi::Value facts(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), tracer_->facts(info[0].As<Napi::Number>().Int32Value()));
  }
  // fd(tid, fd): 0 or -errno; what it is lies in the shared memory
  Napi::Value fd(const Napi::CallbackInfo& info) {
    const int32_t tid = info[0].As<Napi::Number>().Int32Value();
    return Napi::Number::New(info.Env(), tracer_->fd(tid, info[1].As<Napi::Number>().Int32Value()));
  }
  // exitStatus(): wait(2) status of the command, or undefined
  Napi::Value exit_status(const Napi::CallbackInfo& info) {
    if (!tracer_->has_status()) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), tracer_->status());
  }
  Napi::Value task_count(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(tracer_->task_count()));
  }

  Tracer* tracer_ = nullptr;
  pid_t thread_ = 0;
  Napi::ObjectReference shared_, flag_;
};

// threadId(): the kernel's id of the calling thread
Napi::Value thread_id(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), gettid()); }

// kick(tid): 0 or an errno
Napi::Value kick_thread(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), kick(info[0].As<Napi::Number>().Int32Value()));
}

// catchSignal(signo, flag: Int32Array of two words or more on a SharedArrayBuffer): 0 or an errno
Napi::Value catch_one(const Napi::CallbackInfo& info) {
  Bytes flag;
  if (!bytes_of(info.Env(), info[1], &flag)) return info.Env().Undefined();
  if (flag.size < 8) {
    Napi::RangeError::New(info.Env(), "the flag needs two words").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const int signo = info[0].As<Napi::Number>().Int32Value();
  const int problem = catch_signal(signo, reinterpret_cast<std::atomic<int32_t>*>(flag.data));
  if (problem == 0) {
    // The handler may run at any time until the signal is released: the memory must stay.
    struct Held {
      Napi::ObjectReference flag;
      int signo;
    };
    auto* held = new Held{Napi::Persistent(info[1].As<Napi::Object>()), signo};
    info.Env().AddCleanupHook(
        [](Held* h) {
          release_signal(h->signo);
          delete h;
        },
        held);
  }
  return Napi::Number::New(info.Env(), problem);
}

// releaseSignal(signo)
void release_one(const Napi::CallbackInfo& info) { release_signal(info[0].As<Napi::Number>().Int32Value()); }

// dieBy(signo)
void die(const Napi::CallbackInfo& info) { die_by(info[0].As<Napi::Number>().Int32Value()); }

// sourceAddress(destination): sockaddr bytes or undefined
Napi::Value source_of(const Napi::CallbackInfo& info) {
  Bytes to;
  if (!bytes_of(info.Env(), info[0], &to)) return info.Env().Undefined();
  sockaddr_storage destination = {}, source = {};
  memcpy(&destination, to.data, std::min(to.size, sizeof destination));
  const int size = source_address(reinterpret_cast<sockaddr*>(&destination),
                                  static_cast<socklen_t>(std::min(to.size, sizeof destination)), &source);
  if (size <= 0) return info.Env().Undefined();
  return copy_of(info.Env(), &source, static_cast<size_t>(size));
}

// probeTracing(): undefined when it works, else {call, errno}
Napi::Value probe(const Napi::CallbackInfo& info) {
  const char* what = "";
  const int error = probe_tracing(&what);
  if (!error) return info.Env().Undefined();
  auto out = Napi::Object::New(info.Env());
  out.Set("call", what);
  out.Set("errno", error);
  return out;
}

}  // namespace

void register_tracer(Napi::Env env, Napi::Object exports) {
  TracerObject::define(env, exports);
  exports.Set("threadId", Napi::Function::New<thread_id>(env, "threadId"));
  exports.Set("kick", Napi::Function::New<kick_thread>(env, "kick"));
  exports.Set("catchSignal", Napi::Function::New<catch_one>(env, "catchSignal"));
  exports.Set("releaseSignal", Napi::Function::New<release_one>(env, "releaseSignal"));
  exports.Set("dieBy", Napi::Function::New<die>(env, "dieBy"));
  exports.Set("sourceAddress", Napi::Function::New<source_of>(env, "sourceAddress"));
  exports.Set("probeTracing", Napi::Function::New<probe>(env, "probeTracing"));
  // The layout of the shared record, for bindings/trace/record.ts to be checked against.
  auto layout = Napi::Object::New(env);
  const std::pair<const char*, size_t> fields[] = {
      {"kind", offsetof(Record, kind)}, {"tid", offsetof(Record, tid)}, {"nr", offsetof(Record, nr)},
      {"cpu", offsetof(Record, cpu)}, {"a", offsetof(Record, a)}, {"b", offsetof(Record, b)},
      {"c", offsetof(Record, c)}, {"tsNs", offsetof(Record, ts_ns)}, {"args", offsetof(Record, args)},
      {"ip", offsetof(Record, ip)}, {"sp", offsetof(Record, sp)}, {"ret", offsetof(Record, ret)},
      {"facts", offsetof(Shared, facts)}, {"fd", offsetof(Shared, fd)}, {"text", offsetof(Shared, text)}, {"size", sizeof(Shared)}};
  for (const auto& [name, offset] : fields) layout.Set(name, static_cast<double>(offset));
  exports.Set("recordLayout", layout);
}

}  // namespace skep
