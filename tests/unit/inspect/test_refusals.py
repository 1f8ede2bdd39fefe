"""What is no container's inspect is refused with one clear error."""

from typing import Any

import pytest

from converters.errors import PodliftError
from converters.fields.catalogue import CATALOGUE
from converters.sources.inspect import read_inspect
from converters.workload import Host
from tests.inspect_documents import container, image

LISTED = {"Id": "a" * 64, "Names": ["/web"], "Image": "web", "HostConfig": {"NetworkMode": "default"}}


@pytest.mark.parametrize(
    ("document", "code", "subject"),
    [
        (image(), "inspect-image", "h1/container/sha256:"),
        (LISTED, "inspect-list", "h1/container/aaaaaaaaaaaa"),
        ({"Name": "v", "Mountpoint": "/x", "Driver": "local"}, "inspect-other", "h1/container/v"),
        ({"Name": "n", "Id": "1", "IPAM": {}}, "inspect-other", "h1/container/n"),
        ({}, "inspect-no-id", "h1 document 1"),
        (container(Id=7), "inspect-no-id", "h1/container/web"),
        (container(HostConfig=None), "inspect-incomplete", "h1/container/web"),
        (container(Config=[]), "inspect-incomplete", "h1/container/web"),
        ("text", "inspect-not-object", "h1 document 1"),
        ([], "inspect-not-object", "h1 document 1"),
        (None, "inspect-not-object", "h1 document 1"),
    ],
)
def test_each_is_told_by_name(document: Any, code: str, subject: str) -> None:
    """With where it stands and what to do."""
    with pytest.raises(PodliftError) as refused:
        read_inspect([document], host=Host(name="h1"))
    assert refused.value.code == code
    assert code in CATALOGUE
    assert refused.value.subject.startswith(subject)
    assert refused.value.next_step


def test_a_single_object_is_read_as_a_list_of_one() -> None:
    """docker inspect -f prints one."""
    assert len(read_inspect(container(), host=Host(name="h1")).workloads) == 1
