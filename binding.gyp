{
  "targets": [
    {
      "target_name": "skep",
      "sources": [
        "bindings/addon/module.cc",
        "bindings/addon/engine.cc",
        "native/engine/machine.cc",
        "native/engine/program.cc"
      ],
      "dependencies": ["skep_loop"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "native"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "xcode_settings": { "CLANG_CXX_LANGUAGE_STANDARD": "c++20" },
      "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/std:c++20"] } },
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "bindings/addon/linux.cc",
              "bindings/addon/live.cc",
              "native/linux/interrupt.cc",
              "native/linux/records.cc",
              "native/linux/sys.cc"
            ]
          }
        ],
        [
          "OS=='linux' and target_arch=='x64'",
          {
            "sources": [
              "bindings/addon/tracer.cc",
              "native/ptrace/affinity.cc",
              "native/ptrace/filter.cc",
              "native/ptrace/inspect.cc",
              "native/ptrace/spawn.cc",
              "native/ptrace/tasks.cc",
              "native/ptrace/tracer.cc",
              "native/ptrace/wait.cc"
            ]
          }
        ]
      ]
    },
    {
      "target_name": "skep_loop",
      "type": "static_library",
      "sources": ["native/engine/loop.cc"],
      "include_dirs": ["native"],
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-gcse", "-fno-crossjumping"],
      "xcode_settings": { "CLANG_CXX_LANGUAGE_STANDARD": "c++20" }
    }
  ]
}
