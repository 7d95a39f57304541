// Glue for native/engine: a machine is an object with four functions that share it. `ring` is called for every run, so it takes nothing,
// returns nothing, and asks Node-API for nothing. Typed by bindings/addon/index.ts.
#include <napi.h>

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "engine/machine.h"
#include "parts.h"

namespace skep {
namespace {

struct Held;

// Machines whose doorbell finds them without asking Node-API: napi_get_cb_info costs twice what the call itself does, and a short program's
// run less than either. Each seat has a doorbell of its own; a machine keeps its seat for its life. Machines of all threads sit here.
constexpr size_t kSeats = 32;
std::atomic<Held*> seats[kSeats];

// A machine, and what keeps the memory alive that it works on.
struct Held {
  engine::Machine machine;
  Napi::Reference<Napi::Value> memory;
  // kSeats where none was free.
  size_t seat = kSeats;

  explicit Held(engine::Machine made) : machine(std::move(made)) {
    for (size_t k = 0; k < kSeats && seat == kSeats; k++) {
      Held* nobody = nullptr;
      if (seats[k].compare_exchange_strong(nobody, this)) seat = k;
    }
  }
  Held(const Held&) = delete;
  ~Held() {
    if (seat < kSeats) seats[seat].store(nullptr);
  }
};
using Shared = std::shared_ptr<Held>;

template <size_t kSeat>
napi_value ring_seat(napi_env, napi_callback_info) {
  // Set by this thread, or by another one before it handed the seat on.
  Held* const held = seats[kSeat].load(std::memory_order_relaxed);
  if (held) held->machine.ring();
  return nullptr;
}

template <size_t... kSeat>
constexpr std::array<napi_callback, sizeof...(kSeat)> bells_of(std::index_sequence<kSeat...>) {
  return {ring_seat<kSeat>...};
}
constexpr auto kBells = bells_of(std::make_index_sequence<kSeats>());

// For machines without a seat.
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
  auto held = std::make_shared<Held>(engine::Machine(memory.data, memory.size, state));
  held->memory = Napi::Reference<Napi::Value>::New(info[0], 1);

  auto out = Napi::Object::New(env);
  napi_value bell;
  const napi_callback way = held->seat < kSeats ? kBells[held->seat] : ring;
  if (napi_create_function(env, "ring", NAPI_AUTO_LENGTH, way, held.get(), &bell) != napi_ok) return env.Undefined();
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
