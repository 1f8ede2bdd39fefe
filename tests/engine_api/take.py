"""Writes converters/fields/engine_api.py: the keys of Docker's documents, by API version.

The verdict ledger must know every key that an engine of any age can return, and
which versions return it. Typed by hand, such a list is wrong on the day that it
is written; so it is taken from moby's own published references, and only what
those references get wrong is written here, with the reason.

The references are the folder `docs` of the Go module github.com/moby/moby/api:

    python tests/engine_api/take.py --tag api/v1.56.1 \\
        --references "$(go list -m -f '{{.Dir}}' github.com/moby/moby/api)/docs"

1.18 to 1.24 are prose with examples (.md), 1.25 and later are Swagger (.yaml).
An example shows `null` or `[]` where a schema says what lies below; there the
shape is the one that the oldest schema gives. A key is taken as present from the
first reference that has it to the last: references forget keys and find them
again, engines do not.
"""

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

OLDEST = 18
TARGET = Path(__file__).resolve().parents[2] / "converters" / "fields" / "engine_api.py"

# document -> the path of its operation in Swagger, the title of its section in prose
DOCUMENTS = {
    "container": ("/containers/{id}/json", "Inspect a container"),
    "image": ("/images/{name}/json", "Inspect an image"),
    "volume": ("/volumes/{name}", "Inspect a volume"),
    "network": ("/networks/{id}", "Inspect network"),
}

# Keys that a reference describes otherwise than the engine sends them:
# (document, first and last minor version, pattern, what it really is or None).
MISTAKES: tuple[tuple[str, int, int, str, str | None], ...] = (
    # Lists and maps that a reference wrote as scalars, objects or single entries.
    ("container", 25, 99, r"ExecIDs", r"ExecIDs[]"),
    ("container", 25, 99, r"Node", r"Node.{Addr,Cpus,ID,IP,Labels.*,Memory,Name}"),
    ("container", 25, 99, r"HostConfig\.PortBindings\.\*\.(\w+)", r"HostConfig.PortBindings.*[].\1"),
    ("container", 18, 21, r"HostConfig\.LxcConf\b.*", r"HostConfig.LxcConf[].{Key,Value}"),
    ("container", 18, 19, r"(Volumes|VolumesRW)", r"\1.*"),
    ("container", 25, 99, r"Config\.(Cmd|Entrypoint)", r"Config.\1[]"),
    ("container", 25, 99, r"Config\.Volumes\.additionalProperties", r"Config.Volumes.*"),
    ("image", 25, 99, r"(Config|ContainerConfig)\.(Cmd|Entrypoint)", r"\1.\2[]"),
    ("image", 25, 99, r"(Config|ContainerConfig)\.Volumes\.additionalProperties", r"\1.Volumes.*"),
    ("network", 25, 40, r"IPAM\.Config\[\]\.\*", r"IPAM.Config[].{Subnet,IPRange,Gateway,AuxiliaryAddresses.*}"),
    ("network", 21, 38, r"IPAM\.Options(\[\]\.\*|\.foo)", r"IPAM.Options.*"),
    # 1.25 to 1.31 describe the ports as the container list has them, and keys long gone.
    ("container", 25, 31, r"NetworkSettings\.(Ports\[\]\..*|Address|PortMapping)", None),
    # Spelled so in one version only; the engine's own type never was.
    ("container", 27, 27, r"HostConfig\.NanoCPUs", r"HostConfig.NanoCpus"),
    # Written into the reference of 1.24 afterwards; the changelog has it at 1.29.
    ("container", 24, 24, r"Config\.Healthcheck\.StartPeriod", None),
    # The changelog has it at 1.48.
    ("network", 47, 47, r"EnableIPv4", None),
)

# Keys that engines send and no reference, or only a later one, names:
# (document, key, first and last minor version or None, where it was seen).
UNDOCUMENTED: tuple[tuple[str, str, int, int | None, str], ...] = (
    *(
        ("container", f"Config.{name}", 18, 19, "engine 20.10 asked for 1.18 and 1.19; gone at 1.20")
        for name in ("CpuShares", "Cpuset", "Memory", "MemorySwap")
    ),
    ("container", "Config.VolumeDriver", 18, 20, "engine 20.10 asked for 1.18 to 1.20; gone at 1.21"),
    ("container", "Config.PortSpecs", 18, 20, "the fixtures of serverspec"),
    *(
        ("container", f"NetworkSettings.{name}", 19, 51, "the fixtures of docker-java")
        for name in (
            "GlobalIPv6Address",
            "GlobalIPv6PrefixLen",
            "IPv6Gateway",
            "LinkLocalIPv6Address",
            "LinkLocalIPv6PrefixLen",
        )
    ),
    *(
        ("container", f"Node.{name}", 18, 38, "answers of the Swarm that stood before engines (go-dockerclient)")
        for name in ("Addr", "Cpus", "ID", "IP", "Labels.*", "Memory", "Name")
    ),
    *(
        ("container", key, 21, None, "the fixtures of docker-java, API 1.21")
        for key in (
            "GraphDriver.Data.*",
            "GraphDriver.Name",
            "HostConfig.ConsoleSize[]",
            "HostConfig.UTSMode",
            "State.Dead",
        )
    ),
    ("container", "HostConfig.Isolation", 22, None, "the fixtures of spotify/docker-client, API 1.22"),
    *(
        ("container", f"HostConfig.{name}", 24, None, "the fixtures of spotify/docker-client, API 1.24")
        for name in ("AutoRemove", "Cgroup", "CpuCount", "Runtime")
    ),
    ("container", "HostConfig.DiskQuota", 24, 39, "the fixtures of spotify/docker-client, API 1.24"),
    ("container", "HostConfig.Init", 25, None, "moby's changelog of the API, 1.25"),
    ("container", "HostConfig.Mounts[].Consistency", 28, None, "moby's changelog of the API, 1.28"),
    ("container", "HostConfig.Mounts[].ClusterOptions", 42, None, "types/mount of the same module"),
    *(
        ("container", f"State.Health.{name}", 24, None, "health checks came with engine 1.12, which is API 1.24")
        for name in (
            "FailingStreak",
            "Log[].End",
            "Log[].ExitCode",
            "Log[].Output",
            "Log[].Start",
            "Status",
        )
    ),
    *(
        ("network", f"IPAM.Config[].{name}", 21, None, "engine 20.10 asked for 1.21; not gated by version")
        for name in ("AuxiliaryAddresses.*", "Gateway", "IPRange")
    ),
    *(("network", f"Peers[].{name}", 25, None, "moby's changelog of the API, 1.25") for name in ("IP", "Name")),
    ("network", "Services.*", 28, None, "moby's changelog of the API, 1.28"),
)


def references(folder: Path) -> dict[int, Path]:
    """The reference of each minor version from OLDEST on, without a gap."""
    found = {}
    for path in folder.iterdir():
        match = re.fullmatch(r"v1\.(\d+)\.(md|yaml)", path.name)
        if match and int(match[1]) >= OLDEST:
            found[int(match[1])] = path
    missing = sorted(set(range(OLDEST, max(found, default=OLDEST) + 1)) - set(found))
    if missing:
        raise SystemExit(f"{folder} lacks API versions: {', '.join(f'1.{minor}' for minor in missing)}")
    return dict(sorted(found.items()))


def of_schema(definitions: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    """The leaf keys of a Swagger schema."""
    if "$ref" in schema:
        yield from of_schema(definitions, definitions[schema["$ref"].rpartition("/")[2]], path)
    for part in schema.get("allOf", ()):
        yield from of_schema(definitions, part, path)
    for name, below in (schema.get("properties") or {}).items():
        yield from of_schema(definitions, below, f"{path}.{name}" if path else name)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        yield from of_schema(definitions, extra, f"{path}.*")
    elif schema.get("type") == "array":
        yield from of_schema(definitions, schema["items"], f"{path}[]")
    elif not {"$ref", "allOf", "properties"} & set(schema):
        yield path


def from_yaml(path: Path) -> dict[str, set[str]]:
    reference = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    keys = {}
    for document, (operation, _) in DOCUMENTS.items():
        responses = reference["paths"][operation]["get"]["responses"]
        schema = responses.get("200") or responses[200]
        keys[document] = set(of_schema(reference["definitions"], schema["schema"], ""))
    return keys


class Shapes:
    """What lies below a key that an example leaves empty, by the oldest schema that says so."""

    def __init__(self, schemas: Iterable[set[str]]) -> None:
        self._schemas = list(schemas)

    def below(self, path: str) -> set[str]:
        for keys in self._schemas:
            if found := {key for key in keys if key.startswith((f"{path}.", f"{path}["))}:
                return found
        return {path}

    def is_map(self, path: str) -> bool:
        return any(key.startswith(f"{path}.*") for key in self.below(path))

    def of_example(self, value: object, path: str) -> set[str]:
        found: set[str] = set()
        if isinstance(value, dict) and path and self.is_map(path):
            for below in value.values():
                found |= self.of_example(below, f"{path}.*")
        elif isinstance(value, dict):
            for name, below in value.items():
                found |= self.of_example(below, f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            for below in value:
                found |= self.of_example(below, f"{path}[]")
        return found or self.below(path)


def section(text: str, title: str) -> str | None:
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#{{1,4}} )", text, re.MULTILINE | re.DOTALL)
    return match[1] if match else None


def examples(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a section, with the commas that its author forgot or left over."""
    text = re.sub(r"^\s*\.{3,}\s*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'(["\d\]}el])(?=\s*\n\s*")', r"\1,", text)
    text = re.sub(r",(?=\s*[\]}])", "", text)
    decoder = json.JSONDecoder()
    end = 0
    for match in re.finditer(r"^\s*\{\s*$", text, re.MULTILINE):
        if match.start() >= end:
            found, end = decoder.raw_decode(text, text.index("{", match.start()))
            yield found


def described(text: str) -> Iterator[str]:
    """The keys that the bullets of "Create a container" describe, as inspect spells them."""
    parents: list[tuple[int, str]] = []
    for match in re.finditer(r"^( *)-\s+\*\*(\w+)\*\*", text, re.MULTILINE):
        indent, name = len(match[1]), {"Capdrop": "CapDrop"}.get(match[2], match[2])
        parents = [parent for parent in parents if parent[0] < indent]
        path = ".".join([*(parent[1] for parent in parents), name])
        parents.append((indent, name))
        if path != "HostConfig":
            yield path if path.startswith("HostConfig.") else f"Config.{path}"


def from_prose(path: Path, shapes: dict[str, Shapes]) -> dict[str, set[str]]:
    text = path.read_text(encoding="utf-8")
    keys = {}
    for document, (_, title) in DOCUMENTS.items():
        known = shapes[document]
        found: set[str] = set()
        for example in examples(section(text, title) or ""):
            found |= known.of_example(example, "")
        if document == "container":
            found |= of_create(section(text, "Create a container") or "", known)
        keys[document] = found
    return keys


def of_create(text: str, shapes: Shapes) -> set[str]:
    """What may be set at creation is what inspect shows, so its description counts too."""
    request, _, rest = text.partition("**Example response**")
    found: set[str] = set()
    for config in examples(request):
        host = config.pop("HostConfig", {})
        endpoints = config.pop("NetworkingConfig", {}).get("EndpointsConfig", {})
        found |= shapes.of_example(config, "Config") | shapes.of_example(host, "HostConfig")
        if endpoints:
            found |= shapes.of_example(endpoints, "NetworkSettings.Networks")
    parameters = rest.partition("**JSON parameters**")[2].partition("**Query parameters**")[0]
    for key in described(parameters):
        # the networking configuration has no place of its own in inspect
        if not key.startswith("Config.NetworkingConfig"):
            found |= shapes.below(key)
    return found


def corrected(document: str, minor: int, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        for of, first, last, pattern, instead in MISTAKES:
            match = re.fullmatch(pattern, key)
            if match and of == document and first <= minor <= last:
                if instead is not None:
                    yield from spelled_out(match.expand(instead))
                break
        else:
            yield key


def spelled_out(key: str) -> list[str]:
    match = re.fullmatch(r"(.*)\{(.*)\}", key)
    return [match[1] + name for name in match[2].split(",")] if match else [key]


def with_maps(keys: Iterable[str]) -> set[str]:
    """The keys, and each free-form map itself: an empty map is a leaf under its own name."""
    found = set(keys)
    for key in list(found):
        parts = key.split(".*")
        found |= {".*".join(parts[:count]) for count in range(1, len(parts))}
    return found


def take(folder: Path) -> dict[str, dict[str, tuple[str, str | None]]]:
    paths = references(folder)
    newest = max(paths)
    by_version: dict[int, dict[str, set[str]]] = {}
    for minor, path in paths.items():
        if path.suffix == ".yaml":
            found = from_yaml(path)
            by_version[minor] = {of: set(corrected(of, minor, keys)) for of, keys in found.items()}
    shapes = {of: Shapes([by_version[minor][of] for minor in sorted(by_version)]) for of in DOCUMENTS}
    for minor, path in paths.items():
        if path.suffix == ".md":
            found = from_prose(path, shapes)
            by_version[minor] = {of: set(corrected(of, minor, keys)) for of, keys in found.items()}
    spans: dict[str, dict[str, tuple[str, str | None]]] = {}
    for document in DOCUMENTS:
        seen: dict[str, list[int]] = {}
        for minor in sorted(by_version):
            for key in with_maps(by_version[minor][document]):
                seen.setdefault(key, []).append(minor)
        for of, key, first, last, _ in UNDOCUMENTED:
            if of == document:
                for path_key in with_maps([key]):
                    seen.setdefault(path_key, []).extend([first, newest if last is None else last])
        spans[document] = {
            key: (f"1.{min(minors)}", None if max(minors) == newest else f"1.{max(minors)}")
            for key, minors in sorted(seen.items())
        }
    return spans


def rendered(tag: str, paths: dict[int, Path], keys: dict[str, dict[str, tuple[str, str | None]]]) -> str:
    lines = [
        '"""The keys of Docker\'s documents, by Engine API version. Generated: do not edit.',
        "",
        "Taken by tests/engine_api/take.py from moby's published API references (PATHS, of TAG).",
        "A key is written as its names joined by dots, `*` for a name that the user chose and",
        "`[]` for each element of a list; a free-form map stands there itself too. Beside it:",
        "the first version that has it (OLDEST: from then or earlier), and the last one where",
        "a newer version dropped it. Names may hold dots themselves (`os.version`).",
        '"""',
        "",
        f"TAG = {quoted(tag)}",
        "PATHS = (",
        *(f"    {quoted(path.name)}," for path in paths.values()),
        ")",
        f"OLDEST = {quoted(f'1.{min(paths)}')}",
        f"NEWEST = {quoted(f'1.{max(paths)}')}",
        "",
        "KEYS: dict[str, dict[str, tuple[str, str | None]]] = {",
    ]
    for document, spans in keys.items():
        lines.append(f"    {quoted(document)}: {{")
        for key, (since, until) in spans.items():
            ends = quoted(until) if until else "None"
            line = f"        {quoted(key)}: ({quoted(since)}, {ends}),"
            if len(line) > 120:  # as the formatter would
                lines += [
                    f"        {quoted(key)}: (",
                    f"            {quoted(since)},",
                    f"            {ends},",
                    "        ),",
                ]
            else:
                lines.append(line)
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def quoted(text: str) -> str:
    return json.dumps(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=Path, required=True, help="the folder with v1.18.md … v1.NN.yaml")
    parser.add_argument("--tag", required=True, help="the tag of moby/moby that they come from")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    keys = take(arguments.references)
    text = rendered(arguments.tag, references(arguments.references), keys)
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
