"""argv, environment, user, checks, limits and security, as Docker means them."""

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.secrecy import WITHHELD
from tests.inspect_documents import IMAGE_ID, PATH, container, image, read_container, workload


def argv(document: dict[str, Any], **beside: Any) -> tuple[Any, Any]:
    found = read_container(document, **beside)
    return found.entrypoint, found.args


def ran(config: dict[str, Any]) -> dict[str, Any]:
    """A container with these, whose Path and Args say what runs."""
    words = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    return container(config, Path=words[0], Args=words[1:])


@pytest.mark.parametrize(
    ("entrypoint", "command", "expected"),
    [
        (["/bin/web"], ["serve"], (None, None)),
        (["/bin/web"], ["serve", "-v"], (None, ("serve", "-v"))),
        (["/bin/web"], None, (("/bin/web",), ())),
        (["/other"], ["serve"], (("/other",), ("serve",))),
        (["/other"], None, (("/other",), ())),
        (None, ["/bin/sh"], ((), ("/bin/sh",))),
        (None, ["serve"], ((), ("serve",))),
    ],
)
def test_argv_is_what_docker_would_run_with_the_images_own_left_out(
    entrypoint: list[str] | None, command: list[str] | None, expected: tuple[Any, Any]
) -> None:
    """The image has the entrypoint /bin/web and the command serve (moby's merge in daemon/commit.go)."""
    assert argv(ran({"Entrypoint": entrypoint, "Cmd": command})) == expected


@pytest.mark.parametrize(
    ("entrypoint", "command", "expected"),
    [
        (["/a"], ["b"], (("/a",), ("b",))),
        (["/a"], None, (("/a",), ())),
        (None, ["b"], ((), ("b",))),
    ],
)
def test_without_the_image_argv_is_said_whole(
    entrypoint: list[str] | None, command: list[str] | None, expected: tuple[Any, Any]
) -> None:
    """The document is merged: it tells all that runs."""
    assert argv(ran({"Entrypoint": entrypoint, "Cmd": command}), images=()) == expected


def test_where_path_disagrees_it_tells_what_runs() -> None:
    """Old documents leave the image's command out of Config."""
    found = argv(container({"Cmd": None, "Entrypoint": None}, Path="/bin/sh", Args=["-c", "x"]), images=())
    assert found == (("/bin/sh",), ("-c", "x"))


def test_the_images_variables_are_subtracted_and_unset_ones_said() -> None:
    """``-e NAME`` without a value unsets the image's."""
    document = container({"Env": [PATH, "A=1", "B=changed", "C", "E=", "F=a=b"]})
    env = read_container(document, images=(image(Env=[PATH, "A=1", "B=2", "C=3"]),)).env
    assert [(e.name, e.value) for e in env] == [("B", "changed"), ("C", None), ("E", ""), ("F", "a=b")]


def test_of_a_variable_that_stands_twice_the_last_counts() -> None:
    """Both atoms stand behind it."""
    (env,) = read_container(container({"Env": [PATH, "A=1", "A=2"]})).env
    assert (env.value, [source.path for source in env.origins]) == ("2", ["Config.Env[A]", "Config.Env[A]#2"])


def test_secret_and_withheld_values_are_marked() -> None:
    """A redacted capture has the marker in place of each value."""
    env = read_container(container({"Env": [PATH, "DB_PASSWORD=hunter22", f"LOG={WITHHELD}"]})).env
    assert [(e.name, e.value, e.secret, e.withheld) for e in env] == [
        ("DB_PASSWORD", "hunter22", True, False),
        ("LOG", None, True, True),
    ]


def test_a_withheld_value_is_never_taken_for_the_images() -> None:
    """Where the image's was withheld too, nobody can tell."""
    env = read_container(
        container({"Env": [PATH, f"LOG={WITHHELD}"]}), images=(image(Env=[PATH, f"LOG={WITHHELD}"]),)
    ).env
    assert [(e.name, e.withheld) for e in env] == [("LOG", True)]


def test_a_secret_elsewhere_is_a_finding_that_does_not_say_it() -> None:
    """In argv, a check, a label or an option."""
    document = ran(
        {
            "Entrypoint": ["/bin/web"],
            "Cmd": ["--pw", "hunter22"],
            "Env": [PATH, "DB_PASSWORD=hunter22"],
            "Labels": {"note": "x hunter22"},
            "Healthcheck": {"Test": ["CMD", "check", "hunter22"]},
        }
    )
    found = [f for f in workload(document).findings if f.code == "secret-in-argv"]
    assert [finding.subject for finding in found] == ["argv", "check", "label note"]
    assert "hunter22" not in str(found)
    assert "DB_PASSWORD" in found[0].reason


def test_a_secret_in_another_variable_is_found_too() -> None:
    """The password that stands in ARGS as well would go to the manifest in clear."""
    document = container({"Env": [PATH, "DB_PASSWORD=hunter22", "ARGS=--pw=hunter22"]})
    (found,) = [f for f in workload(document).findings if f.code == "secret-in-argv"]
    assert found.subject == "env ARGS"


def test_an_option_that_is_a_password_by_its_name_is_found() -> None:
    """Also where no variable holds it; the finding names the option alone."""
    document = ran({"Entrypoint": ["/bin/web"], "Cmd": ["--db-password", "hunter22"], "Env": [PATH]})
    (found,) = [f for f in workload(document).findings if f.code == "secret-in-argv"]
    assert (found.subject, found.reason) == ("argv", "db-password stands in clear in argv")


def test_passwords_of_log_drivers_and_volumes_are_not_kept() -> None:
    """No object needs them, and plan.json would show them; that they are there is a finding."""
    options = {"type": "cifs", "o": "username=web,password=hunter22"}
    mount = {
        "Type": "volume", "Source": "share", "Target": "/data", "VolumeOptions": {"DriverConfig": {"Options": options}},
    }  # fmt: skip
    logs = {"Type": "splunk", "Config": {"splunk-token": "A1B2C3D4E5"}}
    made = workload(container(host={"Mounts": [mount], "LogConfig": logs}))
    assert "hunter22" not in repr(made)
    assert "A1B2C3D4E5" not in repr(made)
    assert [f.subject for f in made.findings if f.code == "secret-in-argv"] == [
        "log option splunk-token", "volume option o of /data",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("1000", ("1000", None)),
        ("1000:1001", ("1000", "1001")),
        ("app", ("100", "101")),
        ("app:web", ("100", "102")),
        ("1000:web", ("1000", "102")),
        ("nobody", ("nobody", None)),
        (":web", ("0", "102")),
    ],
)
def test_names_of_users_and_groups_become_numbers_by_the_images_accounts(
    user: str, expected: tuple[str, str | None]
) -> None:
    """A user by name brings its primary group; a name that is not known stays."""
    accounts = {IMAGE_ID: ("root:x:0:0::/:/bin/sh\napp:x:100:101::/:/bin/sh\n", "app:x:101:\nweb:x:102:\n")}
    found = read_container(container({"User": user}, {"GroupAdd": ["web", "5", "ghost"]}), accounts=accounts)
    assert (found.user, found.group) == expected
    assert [item.value for item in found.groups] == ["102", "5", "ghost"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Healthcheck": {"Test": ["CMD", "curl", "x"]}}, ("curl", "x")),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "curl x | y"]}}, ("/bin/sh", "-c", "curl x | y")),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": ["/bin/bash", "-eo"]}, ("/bin/bash", "-eo", "x")),
    ],
)
def test_a_check_is_an_execution_list(config: dict[str, Any], expected: tuple[str, ...]) -> None:
    """A shell string stands behind its shell."""
    (check,) = read_container(container(config)).checks
    assert check.argv == expected
    assert not check.disabled


def test_a_checks_times_are_seconds_and_each_has_its_origin() -> None:
    """The engine keeps nanoseconds."""
    times = {"Interval": 5_000_000_000, "Timeout": 2_500_000_000, "StartPeriod": 0, "Retries": 4}
    (check,) = read_container(container({"Healthcheck": {"Test": ["CMD", "x"], **times}})).checks
    assert (check.interval_s, check.timeout_s, check.start_period_s, check.failures) == (5.0, 2.5, None, 4)
    assert set(check.origins) == {"argv", "interval_s", "timeout_s", "failures"}


def test_a_check_that_is_turned_off_is_said() -> None:
    """NONE overrides the image's."""
    (check,) = read_container(container({"Healthcheck": {"Test": ["NONE"]}})).checks
    assert check.disabled
    assert set(check.origins) == {"disabled"}


def test_a_shell_that_no_check_uses_has_no_effect() -> None:
    """It acts on shell-form checks alone."""
    found = read_container(container({"Shell": ["/bin/bash", "-c"], "Healthcheck": {"Test": ["CMD", "x"]}}))
    assert [setting.code for setting in found.settings] == ["shell-unused"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"NanoCpus": 1_500_000_000}, 1500.0),
        ({"CpuQuota": 50_000}, 500.0),
        ({"CpuQuota": 50_000, "CpuPeriod": 50_000}, 1000.0),
        ({"CpuQuota": 33_333, "CpuPeriod": 100_000}, 333.33),
        ({"CpuQuota": -1}, None),
        ({"CpuPeriod": 50_000}, None),
    ],
)
def test_a_cpu_limit_is_in_millicores(host: dict[str, Any], expected: float | None) -> None:
    """Of whole CPUs, or of quota and period."""
    assert read_container(container(host=host)).cpu_limit_m == expected


def test_security_options_are_taken_apart() -> None:
    """With ``=`` or, in old documents, ``:``."""
    options = [
        'seccomp={"defaultAction":"SCMP_ACT_ALLOW","x":"a=b"}',
        "apparmor:unconfined",
        "label:user:edge",
        "label=level:s0:c1,c2",
        "no-new-privileges:true",
        "strange=1",
    ]
    found = read_container(container(host={"SecurityOpt": options}))
    assert found.seccomp == '{"defaultAction":"SCMP_ACT_ALLOW","x":"a=b"}'
    assert found.apparmor == "unconfined"
    assert [(pair.key, pair.value) for pair in found.selinux] == [("user", "edge"), ("level", "s0:c1,c2")]
    assert found.no_new_privileges
    assert [(setting.code, setting.value) for setting in found.settings] == [("security-option", "strange=1")]


def test_empty_lists_of_kernel_paths_unmask_them() -> None:
    """So systempaths=unconfined is kept."""
    found = read_container(container(host={"MaskedPaths": [], "ReadonlyPaths": []}))
    assert found.unmasked_paths
    assert len(found.origins["unmasked_paths"]) == 2


def test_ulimits_bear_the_names_that_docker_takes() -> None:
    """Podman writes RLIMIT_NOFILE."""
    limits = [{"Name": "RLIMIT_NOFILE", "Soft": 1, "Hard": 2}, {"Name": "core", "Soft": -1, "Hard": -1}]
    found = read_container(container(host={"Ulimits": limits})).ulimits
    assert [(limit.name, limit.soft, limit.hard) for limit in found] == [("nofile", 1, 2), ("core", -1, -1)]


def test_a_container_ends_as_it_was_asked_to() -> None:
    """Signal, time and restarts; -1 waits for ever."""
    found = workload(
        container(
            {"StopSignal": "SIGQUIT", "StopTimeout": 0},
            {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "AutoRemove": True},
        )
    )
    assert (found.termination.signal, found.termination.grace_s) == ("SIGQUIT", 0.0)
    assert (found.restart.policy, found.restart.attempts) == ("on-failure", 3)
    assert found.auto_remove
    forever = workload(container({"StopTimeout": -1})).termination.grace_s
    assert forever is not None
    assert forever > 1_000_000


@pytest.mark.parametrize(
    ("config", "host", "path"),
    [
        ({"User": 5}, {}, "Config.User"),
        ({"Cmd": [1]}, {}, "Config.Cmd"),
        ({"Env": [PATH, 7]}, {}, "Config.Env[1]"),
        ({"Tty": "yes"}, {}, "Config.Tty"),
        ({"Healthcheck": {"Test": ["CMD"]}}, {}, "Config.Healthcheck.Test"),
        ({"Healthcheck": {"Test": ["CMD", "a"], "Interval": "5s"}}, {}, "Config.Healthcheck.Interval"),
        ({}, {"Memory": "256m"}, "HostConfig.Memory"),
        ({}, {"Ulimits": [{"Name": "nofile", "Soft": "x", "Hard": 1}]}, "HostConfig.Ulimits[nofile]"),
        ({}, {"RestartPolicy": "always"}, "HostConfig.RestartPolicy"),
        ({}, {"Devices": ["/dev/fuse"]}, "HostConfig.Devices[0]"),
        ({}, {"Mounts": [{"Type": "odd", "Target": "/a"}]}, "HostConfig.Mounts[/a].Type"),
        ({"ExposedPorts": {"http": {}}}, {}, "Config.ExposedPorts[http]"),
        ({"ExposedPorts": {"99999/tcp": {}}}, {}, "Config.ExposedPorts[99999/tcp]"),
    ],
)
def test_a_value_of_a_kind_that_no_engine_prints_is_one_clear_error(
    config: dict[str, Any], host: dict[str, Any], path: str
) -> None:
    """It says where."""
    with pytest.raises(PodliftError) as refused:
        workload(container(config, host))
    assert refused.value.code == "inspect-malformed"
    assert refused.value.subject == f"h1/container/web {path}"


def test_an_image_that_only_another_host_still_has() -> None:
    """The same ID is the same image: its defaults are subtracted, and its digest is known."""
    found = workload(container({"Env": [PATH, "LOG=info"]}), images=(), images_elsewhere=(image(),))
    (box,) = found.containers
    assert ([e.name for e in box.env], box.args, box.image.local_only) == (["LOG"], None, False)
    assert box.image.digest
    assert not [f for f in found.findings if f.code == "image-unread"]
