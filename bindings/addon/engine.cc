// Glue for native/engine: a machine is an object with four functions that share it. `ring` is called for every run, so it takes nothing,
// returns nothing, and finds its machine in its own data. Typed by bindings/addon/index.ts.
#include <napi.h>

#include <memory>
#include <vector>

#include "engine/machine.h"
#include "parts.h"

namespace skep {
namespace {

// A machine, and what keeps the memory alive that it works on.
struct Held {
  engine::Machine machine;
  Napi::Reference<Napi::Value> memory;
};
using Shared = std::shared_ptr<Held>;

napi_value ring(napi_env env, napi_callback_info info) {
  void* data;
  if (napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data) == napi_ok) {
    static_cast<Held*>(data)->machine.ring();
  }
  return nullptr;
}

// makeEngine(memory, state)
Napi::Value make_engine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Bytes memory;
  if (!bytes_of(env, info[0], &memory)) return env.Undefined();
  const auto state = info[1].ToNumber().Uint32Value();
  auto held = std::make_shared<Held>(Held{engine::Machine(memory.data, memory.size, state), {}});
  held->memory = Napi::Reference<Napi::Value>::New(info[0], 1);

  auto out = Napi::Object::New(env);
  napi_value bell;
  if (napi_create_function(env, "ring", NAPI_AUTO_LENGTH, ring, held.get(), &bell) != napi_ok) return env.Undefined();
  // The function may outlive the object: it holds the machine too.
  napi_add_finalizer(env, bell, new Shared(held),
                     [](napi_env, void* shared, void*) { delete static_cast<Shared*>(shared); }, nullptr, nullptr);
  out.Set("ring", Napi::Value(env, bell));
  out.Set("bind", Napi::Function::New(env, [held](const Napi::CallbackInfo& call) {
            Bytes bytes;
            if (!bytes_of(call.Env(), call[0], &bytes)) return;
            held->memory = Napi::Reference<Napi::Value>::New(call[0], 1);
            held->machine.bind(bytes.data, bytes.size);
          }));
  out.Set("load", Napi::Function::New(env, [held](const Napi::CallbackInfo& call) -> Napi::Value {
            Bytes insns, probes;
            if (!bytes_of(call.Env(), call[0], &insns) || !bytes_of(call.Env(), call[1], &probes)) return call.Env().Undefined();
            const auto* first = reinterpret_cast<const int32_t*>(probes.data);
            const int32_t id = held->machine.load(insns.data, insns.size, {first, first + probes.size / 4}, call[2].ToBoolean());
            return Napi::Number::New(call.Env(), id);
          }));
  out.Set("unload", Napi::Function::New(env, [held](const Napi::CallbackInfo& call) {
            held->machine.unload(call[0].ToNumber().Int32Value());
          }));
  return out;
}

}  // namespace

void register_engine(Napi::Env env, Napi::Object exports) {
  exports.Set("makeEngine", Napi::Function::New<make_engine>(env, "makeEngine"));
}

}  // namespace skep
