// Glue for native/linux: system calls as functions that answer a number, negative for -errno. Typed by bindings/addon/index.ts.
#include <napi.h>

#include <cstring>

#include "linux/sys.h"
#include "parts.h"

namespace skep {
namespace {

Napi::Value number(const Napi::CallbackInfo& info, long value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

// A copy of an argument with the addresses of byte arrays in it: `list` is flat, [offset, bytes, offset, bytes, ...].
class Patched {
 public:
  static constexpr size_t kMost = 1024;
  alignas(8) uint8_t bytes[kMost];

  // Returns false, and throws, for what is no such list.
  bool fill(Napi::Env env, const Bytes& attr, const Napi::Value& pointers) {
    memcpy(bytes, attr.data, attr.size);
    if (!pointers.IsArray()) return true;
    const auto list = pointers.As<Napi::Array>();
    for (uint32_t i = 0; i + 1 < list.Length(); i += 2) {
      const auto offset = static_cast<size_t>(Napi::Value(list[i]).ToNumber().Int64Value());
      Bytes target;
      if (!bytes_of(env, Napi::Value(list[i + 1]), &target)) return false;
      if (offset + 8 > attr.size) {
        Napi::RangeError::New(env, "a pointer lies outside of the argument").ThrowAsJavaScriptException();
        return false;
      }
      const auto address = target.size == 0 ? 0 : reinterpret_cast<uint64_t>(target.data);
      memcpy(bytes + offset, &address, 8);
      before_.push_back({offset, 0});
      memcpy(&before_.back().second, attr.data + offset, 8);
    }
    return true;
  }
  // What the kernel left, without the addresses.
  void give_back(const Bytes& attr) {
    for (const auto& [offset, value] : before_) memcpy(bytes + offset, &value, 8);
    memcpy(attr.data, bytes, attr.size);
  }

 private:
  std::vector<std::pair<size_t, uint64_t>> before_;
};

// bpf(command, attr, pointers?): what the kernel wrote into attr is copied back
Napi::Value bpf(const Napi::CallbackInfo& info) {
  Bytes attr;
  if (!bytes_of(info.Env(), info[1], &attr)) return info.Env().Undefined();
  if (attr.size > Patched::kMost) return number(info, -E2BIG);
  Patched copy;
  if (!copy.fill(info.Env(), attr, info[2])) return info.Env().Undefined();
  const long result = sys::bpf(info[0].ToNumber().Int32Value(), copy.bytes, static_cast<unsigned>(attr.size));
  copy.give_back(attr);
  return number(info, result);
}

// perfEventOpen(attr, pid, cpu, groupFd, flags, pointers?)
Napi::Value perf_event_open(const Napi::CallbackInfo& info) {
  Bytes attr;
  if (!bytes_of(info.Env(), info[0], &attr)) return info.Env().Undefined();
  if (attr.size > Patched::kMost) return number(info, -E2BIG);
  Patched copy;
  if (!copy.fill(info.Env(), attr, info[5])) return info.Env().Undefined();
  return number(info, sys::perf_event_open(copy.bytes, info[1].ToNumber().Int32Value(), info[2].ToNumber().Int32Value(),
                                           info[3].ToNumber().Int32Value(),
                                           static_cast<unsigned long>(info[4].ToNumber().Int64Value())));
}

// ioctl(fd, request, argument: number | bytes)
Napi::Value ioctl(const Napi::CallbackInfo& info) {
  uint64_t argument = 0;
  if (info[2].IsTypedArray()) {
    Bytes bytes;
    if (!bytes_of(info.Env(), info[2], &bytes)) return info.Env().Undefined();
    argument = reinterpret_cast<uint64_t>(bytes.data);
  } else if (info[2].IsNumber()) {
    argument = static_cast<uint64_t>(info[2].ToNumber().Int64Value());
  }
  return number(info, sys::ioctl(info[0].ToNumber().Int32Value(),
                                 static_cast<unsigned long>(info[1].ToNumber().Int64Value()), argument));
}

Napi::Value close(const Napi::CallbackInfo& info) { return number(info, sys::close(info[0].ToNumber().Int32Value())); }

// poll(fds: Int32Array, timeoutMs, ready: Uint8Array)
Napi::Value poll(const Napi::CallbackInfo& info) {
  Bytes fds, ready;
  if (!bytes_of(info.Env(), info[0], &fds) || !bytes_of(info.Env(), info[2], &ready)) return info.Env().Undefined();
  const size_t count = std::min(fds.size / 4, ready.size);
  return number(info, sys::poll_readable(reinterpret_cast<int32_t*>(fds.data), count, info[1].ToNumber().Int32Value(),
                                         ready.data));
}

// addressOf(bytes): where they lie. Asking for it gives a small array, which the engine keeps in its heap, memory that stays where it is.
Napi::Value address_of(const Napi::CallbackInfo& info) {
  Bytes bytes;
  if (!bytes_of(info.Env(), info[0], &bytes)) return info.Env().Undefined();
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(reinterpret_cast<uintptr_t>(bytes.data)));
}

// mmap(length, protection, flags, fd, offset): an ArrayBuffer over the mapping (unmapped by munmap, or when it is collected), or -errno
Napi::Value map(const Napi::CallbackInfo& info) {
  const auto length = static_cast<size_t>(info[0].ToNumber().Int64Value());
  void* address = nullptr;
  const long problem = sys::map(length, info[1].ToNumber().Int32Value(), info[2].ToNumber().Int32Value(),
                                info[3].ToNumber().Int32Value(), info[4].ToNumber().Int64Value(), &address);
  if (problem) return number(info, problem);
  // Once detached by munmap the finalizer still runs, with the same address: by then another mapping may lie there.
  struct Mapping {
    size_t length;
    bool open = true;
  };
  auto* mapping = new Mapping{length};
  napi_value buffer;
  const napi_status made = napi_create_external_arraybuffer(
      info.Env(), address, length,
      [](napi_env, void* at, void* hint) {
        auto* m = static_cast<Mapping*>(hint);
        if (m->open) sys::unmap(at, m->length);
        delete m;
      },
      mapping, &buffer);
  if (made != napi_ok) {
    sys::unmap(address, length);
    delete mapping;
    return number(info, -ENOSYS);  // a runtime that allows no external memory
  }
  auto out = Napi::Object::New(info.Env());
  out.Set("buffer", Napi::Value(info.Env(), buffer));
  out.Set("unmap", Napi::Function::New(info.Env(), [mapping, address](const Napi::CallbackInfo& call) {
            // `this` keeps the buffer, and so `mapping`, alive.
            const auto self = call.This().As<Napi::Object>();
            const Napi::Value held = self.Get("buffer");
            if (!held.IsArrayBuffer() || !mapping->open) return number(call, -EINVAL);
            napi_detach_arraybuffer(call.Env(), held);
            mapping->open = false;
            return number(call, sys::unmap(address, mapping->length));
          }));
  return out;
}

}  // namespace

void register_linux(Napi::Env env, Napi::Object exports) {
  auto sys = Napi::Object::New(env);
  sys.Set("bpf", Napi::Function::New<bpf>(env, "bpf"));
  sys.Set("perfEventOpen", Napi::Function::New<perf_event_open>(env, "perfEventOpen"));
  sys.Set("ioctl", Napi::Function::New<ioctl>(env, "ioctl"));
  sys.Set("close", Napi::Function::New<close>(env, "close"));
  sys.Set("poll", Napi::Function::New<poll>(env, "poll"));
  sys.Set("addressOf", Napi::Function::New<address_of>(env, "addressOf"));
  sys.Set("mmap", Napi::Function::New<map>(env, "mmap"));
  register_live(env, sys);
  exports.Set("sys", sys);
}

}  // namespace skep
