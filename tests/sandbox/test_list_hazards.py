from orchestrator.sandbox.platform import Account, Call, Campaign, Platform, World


def sharing(**account):
    campaigns = [("cd-1", "Ready"), ("cd-2", "Active"), ("cd-3", "Ready")]
    lists = {"cd-1": ("east",), "cd-2": ("east",), "cd-3": ("west",)}
    return Platform(
        World(
            (Account("a", "id", "secret", **account),),
            tuple(Campaign("st", one, one, "a", status=status, contact_lists=lists[one]) for one, status in campaigns),
        )
    )


def hazards(platform):
    return [(one.kind, one.campaign, one.other) for one in platform.hazards]


def test_a_start_on_a_list_in_use_is_a_hazard_and_accepted():
    platform = sharing()
    assert platform.act(Call("start", "a", "st", "cd-1"), 0.0)[0] == 200
    assert hazards(platform) == [("shared_list", "cd-1", "cd-2")]
    assert platform.record()["hazards"] == [
        {"kind": "shared_list", "account": "a", "stream": "st", "campaign": "cd-1", "at": 0.0, "other": "cd-2"}
    ]


def test_an_account_may_refuse_a_start_on_a_list_in_use():
    platform = sharing(shares_lists=False)
    assert platform.act(Call("start", "a", "st", "cd-1"), 0.0)[0] == 400
    assert hazards(platform) == [("shared_list", "cd-1", "cd-2")]
    assert platform.starts == []


def test_a_list_of_another_name_or_of_one_that_is_over_is_free():
    platform = sharing()
    assert platform.act(Call("start", "a", "st", "cd-3"), 0.0)[0] == 200
    platform.deactivate(platform.campaign("st", "cd-2"), 1.0)
    assert platform.act(Call("start", "a", "st", "cd-1"), 2.0)[0] == 200
    assert hazards(platform) == []
