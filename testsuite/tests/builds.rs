//! Make and CMake build the examples and projects of their own: what is made, what is made anew when
//! something changed, and that nothing is when nothing has.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use tinyc_testsuite::cc::{self, Folder, run};
use tinyc_testsuite::{onnx_text, shared};

const TINYC: &str = env!("CARGO_BIN_EXE_tinyc-under-test");

fn integration() -> PathBuf {
    shared::root().join("compiler/driver/integration").canonicalize().unwrap()
}

/// The examples and what they include, in a folder that the test may change.
fn examples() -> Folder {
    let folder = Folder::new();
    let copies = [
        ("docs/examples/digits", &["digits.onnx", "main.c", "digits_eval.h"][..]),
        ("docs/examples/make", &["Makefile"]),
        ("docs/examples/cmake", &["CMakeLists.txt"]),
        ("compiler/driver/integration", &["tinyc.mk", "tinycConfig.cmake"]),
    ];
    for (sub, files) in copies {
        fs::create_dir_all(folder.path().join(sub)).unwrap();
        for file in files {
            fs::copy(shared::root().join(sub).join(file), folder.path().join(sub).join(file)).unwrap();
        }
    }
    folder
}

fn touch(path: &Path) {
    fs::File::options().append(true).open(path).unwrap().set_modified(SystemTime::now()).unwrap();
}

/// When each file of a build was written, by name: sources, headers, objects and programs, but none
/// that the build system keeps for itself.
fn written(folder: &Path) -> BTreeMap<String, SystemTime> {
    let mut times = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            if !name.starts_with(char::is_numeric) {
                times.extend(written(&path));
            }
        } else if [".c", ".h", ".o", ".a", "_weights.bin"].iter().any(|e| name.ends_with(e)) || name == "classify" {
            times.insert(name, fs::metadata(&path).unwrap().modified().unwrap());
        }
    }
    times
}

/// A project in its build folder.
struct Build<'a> {
    folder: PathBuf,
    command: &'a dyn Fn() -> Command,
}

impl Build<'_> {
    /// Builds; the names of the files that were written.
    #[track_caller]
    fn made(&self) -> Vec<String> {
        let before = if self.folder.exists() { written(&self.folder) } else { BTreeMap::new() };
        run(&mut (self.command)()).unwrap_or_else(|e| panic!("{e}"));
        let after = written(&self.folder);
        after.into_iter().filter(|(name, time)| before.get(name) != Some(time)).map(|(name, _)| name).collect()
    }
}

fn cmake(source: &Path, build: &Path, generator: &str, options: &[&str]) -> Result<(), String> {
    let mut command = Command::new("cmake");
    command.arg("-S").arg(source).arg("-B").arg(build).args(["-G", generator]).args(options);
    command.arg(format!("-DTINYC_EXECUTABLE={TINYC}")).arg(format!("-Dtinyc_DIR={}", integration().display()));
    run(&mut command).map(drop)
}

fn generators() -> Vec<&'static str> {
    let all = [("Ninja", "ninja"), ("Unix Makefiles", "make")];
    let found = all.into_iter().filter(|(_, tool)| cc::have("cmake") && cc::have("cc") && cc::have(tool));
    found.map(|(generator, _)| generator).collect()
}

/// Steps through the life of the example, whichever system builds it.
fn example(build: &Build<'_>, examples: &Path, library: &[&str], object_suffix: &str) {
    let digits = examples.join("docs/examples/digits");
    let object = |name: &str| format!("{name}{object_suffix}");
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort();
        names
    };
    let main = sorted(vec!["classify".to_owned(), object("main")]);
    let library = library.iter().map(|s| (*s).to_owned());
    let all = sorted(
        ["digits.c", "digits.h"]
            .map(str::to_owned)
            .into_iter()
            .chain([object("digits")])
            .chain(library)
            .chain(main.clone())
            .collect(),
    );
    let none: [&str; 0] = [];

    assert_eq!(build.made(), all, "from nothing");
    let said = run(&mut Command::new(build.folder.join("classify"))).unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("accuracy"));
    assert_eq!(build.made(), none, "nothing has changed");
    touch(&digits.join("main.c"));
    assert_eq!(build.made(), main, "the program has changed");
    touch(&digits.join("digits.onnx"));
    assert_eq!(build.made(), all, "the model has changed");
    assert_eq!(build.made(), none, "nothing has changed");
    fs::remove_file(build.folder.join("digits.h")).unwrap();
    assert_eq!(build.made(), all, "the header is gone");
}

#[test]
fn the_make_example() {
    if !cc::have("make") || !cc::have("cc") {
        return;
    }
    let examples = examples();
    let source = examples.path().join("docs/examples/make");
    let command = || {
        let mut make = Command::new("make");
        make.current_dir(&source).arg(format!("TINYC={TINYC}"));
        make
    };
    let build = Build { folder: source.join("build"), command: &command };
    example(&build, examples.path(), &[], ".o");
}

#[test]
fn the_cmake_example() {
    for generator in generators() {
        let examples = examples();
        // A space in the path of every file that the depfile names.
        let folder = examples.path().join("build tree");
        cmake(&examples.path().join("docs/examples/cmake"), &folder, generator, &[]).unwrap();
        let command = || {
            let mut cmake = Command::new("cmake");
            cmake.arg("--build").arg(&folder);
            cmake
        };
        example(&Build { folder: folder.clone(), command: &command }, examples.path(), &["libdigits.a"], ".c.o");
    }
}

const PROJECT: &str = r#"
cmake_minimum_required(VERSION 3.20)
project(two C)
find_package(tinyc REQUIRED)
add_library(app OBJECT app.c)
tinyc_add_model(app MODEL outside.onnx NAME one ARGS --selftest=${PROJECT_SOURCE_DIR}/samples.npz --io arena)
tinyc_add_model(app MODEL outside.onnx NAME two)
add_library(other OBJECT other.c)
"#;

/// Weights in a file of their own, samples in another: both make the C code anew. Two networks go into
/// one target that is there already.
#[test]
fn what_a_model_refers_to_is_followed() {
    for generator in generators() {
        let folder = Folder::new();
        let model = "<ir_version: 8, opset_import: [\"\" : 17]> g (float[1,1,8,8] image) => (float[1,1,8,8] y)
            <float[8,8] w = [\"location\": \"w.bin\"]> { y = Mul(image, w) }";
        fs::write(folder.path().join("outside.onnx"), onnx_text::parse(model).unwrap().to_bytes()).unwrap();
        fs::write(folder.path().join("w.bin"), [0; 256]).unwrap();
        fs::copy(shared::digits().1, folder.path().join("samples.npz")).unwrap();
        folder.write("app.c", "#include \"one.h\"\n#include \"two.h\"\nint app(void);\nint app(void) { return 0; }\n");
        folder.write("other.c", "int other(void);\nint other(void) { return 0; }\n");
        folder.write("CMakeLists.txt", PROJECT);
        let tree = folder.path().join("tree");
        cmake(folder.path(), &tree, generator, &[]).unwrap();
        let command = || {
            let mut cmake = Command::new("cmake");
            cmake.arg("--build").arg(&tree);
            cmake
        };
        let build = Build { folder: tree.clone(), command: &command };
        assert_eq!(build.made().len(), 8, "two sources, two headers, four objects");
        assert!(build.made().is_empty());
        touch(&folder.path().join("samples.npz"));
        assert_eq!(build.made(), ["app.c.o", "one.c", "one.c.o", "one.h"]);
        touch(&folder.path().join("w.bin"));
        let all = ["app.c.o", "one.c", "one.c.o", "one.h", "two.c", "two.c.o", "two.h"];
        assert_eq!(build.made(), all);
        assert!(build.made().is_empty());
    }
}

/// Constants in a file of their own are made with the source, and what is assembled from them follows.
#[test]
fn weights_in_a_file() {
    for generator in generators() {
        let folder = Folder::new();
        for file in ["digits.onnx", "main.c", "digits_eval.h"] {
            fs::copy(shared::root().join("docs/examples/digits").join(file), folder.path().join(file)).unwrap();
        }
        let list = "cmake_minimum_required(VERSION 3.20)\nproject(classify C)\nfind_package(tinyc REQUIRED)\n\
                    add_executable(classify main.c)\n\
                    tinyc_add_model(classify MODEL digits.onnx NAME digits ARGS --weights=bin)\n";
        folder.write("CMakeLists.txt", list);
        let tree = folder.path().join("a tree");
        cmake(folder.path(), &tree, generator, &["-DCMAKE_C_FLAGS=-flto"]).unwrap();
        let command = || {
            let mut cmake = Command::new("cmake");
            cmake.arg("--build").arg(&tree);
            cmake
        };
        let build = Build { folder: tree.clone(), command: &command };
        let all = ["classify", "digits.c", "digits.c.o", "digits.h", "digits_weights.bin", "main.c.o"];
        assert_eq!(build.made(), all);
        run(&mut Command::new(tree.join("classify"))).unwrap();
        assert!(build.made().is_empty());
        fs::remove_file(tree.join("digits_weights.bin")).unwrap();
        assert_eq!(build.made(), all);
        touch(&tree.join("digits_weights.bin"));
        assert_eq!(build.made(), ["classify", "digits.c.o"]);
    }
}

#[test]
fn weights_in_a_file_with_make() {
    if !cc::have("make") || !cc::have("cc") {
        return;
    }
    let examples = examples();
    let source = examples.path().join("docs/examples/make");
    let command = || {
        let mut make = Command::new("make");
        make.current_dir(&source).arg(format!("TINYC={TINYC}")).arg("TINYC_FLAGS=--weights=bin");
        make
    };
    let build = Build { folder: source.join("build"), command: &command };
    let all = ["classify", "digits.c", "digits.h", "digits.o", "digits_weights.bin", "main.o"];
    assert_eq!(build.made(), all);
    run(&mut Command::new(source.join("build/classify"))).unwrap();
    assert!(build.made().is_empty());
    touch(&examples.path().join("docs/examples/digits/digits.onnx"));
    assert_eq!(build.made(), all);
}

const TOOLCHAIN: &str = "set(CMAKE_SYSTEM_NAME Generic)\nset(CMAKE_SYSTEM_PROCESSOR arm)\n\
    set(CMAKE_C_COMPILER arm-none-eabi-gcc)\nset(CMAKE_C_FLAGS_INIT \"-mcpu=cortex-m4 -mthumb\")\n\
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\nset(CMAKE_FIND_ROOT_PATH /nowhere)\n\
    set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)\n\
    set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)\n";

#[test]
fn cmake_cross_compiles() {
    if !cc::have("arm-none-eabi-gcc") || !cc::have("arm-none-eabi-nm") {
        return;
    }
    for generator in generators() {
        let folder = Folder::new();
        fs::copy(shared::digits().0, folder.path().join("digits.onnx")).unwrap();
        let list = "cmake_minimum_required(VERSION 3.20)\nproject(device C)\nfind_package(tinyc REQUIRED)\n\
                    tinyc_add_model(digits-net MODEL digits.onnx ARGS --target cortex-m4)\n";
        folder.write("CMakeLists.txt", list);
        let toolchain = folder.write("arm.cmake", TOOLCHAIN);
        let tree = folder.path().join("tree");
        cmake(folder.path(), &tree, generator, &["--toolchain", toolchain.to_str().unwrap()]).unwrap();
        run(Command::new("cmake").arg("--build").arg(&tree)).unwrap();
        let symbols = run(Command::new("arm-none-eabi-nm").arg(tree.join("libdigits-net.a"))).unwrap();
        assert!(String::from_utf8_lossy(&symbols.stdout).contains(" T digits_net_run"), "named after the target");
    }
}

#[test]
fn cmake_says_what_is_wrong() {
    let Some(generator) = generators().pop() else { return };
    let try_list = |text: &str, options: &[&str]| {
        let folder = Folder::new();
        folder.write("CMakeLists.txt", &format!("cmake_minimum_required(VERSION 3.20)\nproject(p C)\n{text}"));
        cmake(folder.path(), &folder.path().join("tree"), generator, options).unwrap_err()
    };
    let find = "find_package(tinyc REQUIRED)\n";
    assert!(try_list(&format!("{find}tinyc_add_model(x NAME y)"), &[]).contains("tinyc_add_model(x): no MODEL"));
    let unknown = try_list(&format!("{find}tinyc_add_model(x MODEL m.onnx WIEGHTS bin)"), &[]);
    assert!(unknown.contains("unknown arguments: WIEGHTS;bin"), "{unknown}");
    let missing = try_list(
        "unset(TINYC_EXECUTABLE CACHE)\nset(TINYC_EXECUTABLE TINYC_EXECUTABLE-NOTFOUND)\n\
                            set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)\nset(ENV{HOME} /nowhere)\n\
                            set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)\nfind_package(tinyc REQUIRED)\n",
        &[],
    );
    assert!(missing.contains("set TINYC_EXECUTABLE to its path"), "{missing}");
}

/// The rule that needs no pattern for the output folder, options for one network, and samples.
#[test]
fn make_follows_what_a_model_refers_to() {
    if !cc::have("make") {
        return;
    }
    let folder = Folder::new();
    fs::copy(shared::digits().0, folder.path().join("net.onnx")).unwrap();
    fs::copy(shared::digits().1, folder.path().join("samples.npz")).unwrap();
    let makefile = format!(
        "TINYC := {TINYC}\nall: net.c\nnet.c: TINYC_FLAGS := --selftest=samples.npz\ninclude {}\n",
        integration().join("tinyc.mk").display()
    );
    folder.write("Makefile", &makefile);
    let command = || {
        let mut make = Command::new("make");
        make.current_dir(folder.path());
        make
    };
    let build = Build { folder: folder.path().to_owned(), command: &command };
    assert_eq!(build.made(), ["net.c", "net.h"]);
    assert!(build.made().is_empty());
    touch(&folder.path().join("samples.npz"));
    assert_eq!(build.made(), ["net.c", "net.h"]);
    // The rule without recipe lets make start tinyc, which says what is missing; nothing is half written.
    let before = written(folder.path());
    fs::remove_file(folder.path().join("samples.npz")).unwrap();
    let error = run(&mut command()).unwrap_err();
    assert!(error.contains("E0502") && error.contains("samples.npz"), "{error}");
    assert_eq!(written(folder.path()), before);
}
