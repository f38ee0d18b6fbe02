package copies

import (
	"path/filepath"
	"strings"
	"sync"
)

// skipFolder returns why a folder is not searched, going by its name and its parent's; ""
// if it is. Folders whose names are common words are skipped only below the tool that they
// belong to: somebody's own "cache" may hold anything.
func skipFolder(parent, name string) Reason {
	if skippedFolders()[name] {
		return NoConfig
	}
	above := filepath.Base(parent)
	switch name {
	case "objects", "lfs": // of a git repository, a bare one, or a submodule
		if above == ".git" || strings.HasSuffix(above, ".git") || strings.Contains(filepath.ToSlash(parent), "/.git/modules/") {
			return Packed
		}
	}
	if skippedBelow()[above+"/"+name] {
		return NoConfig
	}
	if strings.HasSuffix(name, ".photoslibrary") || strings.HasSuffix(name, ".musiclibrary") {
		return NoConfig
	}
	return ""
}

// skippedFolders have these names wherever they are.
var skippedFolders = setLater(
	"node_modules", "site-packages", "dist-packages", "__pycache__", ".npm", ".pnpm-store", ".cache", ".ccache", ".rustup", ".nvm", ".pyenv", ".rbenv",
	".Spotlight-V100", ".fseventsd", ".TemporaryItems", "CacheStorage", "Code Cache", "GPUCache", "DawnCache", "ShaderCache", "GrShaderCache",
	"Service Worker", "blob_storage", "Crashpad", "CachedData", "CachedExtensionVSIXs", "cache2", "$RECYCLE.BIN", "System Volume Information",
)

// skippedBelow have these names below a folder of that name.
var skippedBelow = setLater(
	"Library/Caches", "Library/Mail", "Library/Messages", "Library/Safari", "Library/Photos", "Library/Developer", "Library/Metadata",
	"Library/Calendars", "Library/Assistant", "Library/Suggestions", "Library/HomeKit", "Library/Biome",
	".cargo/registry", ".cargo/git", "pkg/mod", ".m2/repository", ".gradle/caches", ".gradle/wrapper", ".gradle/daemon", ".ivy2/cache", ".ivy2/local",
	".sbt/boot", ".nuget/packages", ".terraform/providers", ".terraform.d/plugin-cache", ".terraform/plugins", ".vagrant.d/boxes",
	".conda/pkgs", "miniconda3/pkgs", "anaconda3/pkgs", "share/Steam", ".steam/steam", "share/flatpak", "share/fonts", "share/icons", "share/baloo",
	"share/tracker", "share/virtualenv", "share/uv", "storage/overlay", "storage/overlay-images", "storage/vfs", "docker/overlay2", "docker/image",
	".yarn/cache", ".yarn/berry", ".bun/install", ".deno/npm",
)

// skipFile returns why a file is not searched, going by its name; "" if it is.
func skipFile(name string) Reason {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > maxExtension {
		return ""
	}
	extension := name[dot+1:]
	reasons := skippedFiles()
	if reasons[extension] == "" {
		extension = strings.ToLower(extension)
	}
	return reasons[extension]
}

// maxExtension is longer than any extension in skippedFiles, with its dot.
const maxExtension = 12

// skippedFiles have these extensions.
var skippedFiles = sync.OnceValue(func() map[string]Reason {
	return reasonsOf(map[Reason]string{
		Packed: "zip gz tgz bz2 tbz xz txz zst lz4 lzma 7z rar cab jar war ear aar whl egg deb rpm apk ipa dmg pkg msi nupkg crate gem vsix xpi crx " +
			"docx xlsx pptx odt ods odp epub pdf snap flatpak appimage",
		NoConfig: "jpg jpeg jpe png gif webp heic heif avif tif tiff bmp ico icns psd xcf raw cr2 nef arw dng svgz " +
			"mp3 mp4 m4a m4v mkv mov avi webm wmv flv flac wav ogg oga opus aac wma aiff mid mpg mpeg 3gp " +
			"ttf otf woff woff2 eot pfb afm ttc " +
			"o a so dylib dll exe obj lib pdb class pyc pyo elc wasm rlib rmeta bc gcda gcno ko node " +
			"vmdk vdi qcow2 vhd vhdx iso img ova hdd box vmem vmss sav " +
			"pack idx onnx safetensors gguf pt pth ckpt npy npz parquet feather h5 hdf5 tflite blend fbx stl glb",
	})
})

// setLater returns a function that makes a set of names when it is first called, since most
// commands need no such set.
func setLater(names ...string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		all := make(map[string]bool, len(names))
		for _, name := range names {
			all[name] = true
		}
		return all
	})
}

func reasonsOf(lists map[Reason]string) map[string]Reason {
	all := map[string]Reason{}
	for why, list := range lists {
		for extension := range strings.FieldsSeq(list) {
			all[extension] = why
		}
	}
	return all
}

// isProgramPath reports whether a path leads to what the system's packages installed, which
// holds no keys: the links of a Python environment lead there.
func isProgramPath(path string) bool {
	for _, root := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt/homebrew/Cellar", "/opt/homebrew/opt", "/proc", "/sys", "/dev", "/Applications", "/System", "/snap"} {
		if isBelow(path, root) {
			return true
		}
	}
	return false
}
