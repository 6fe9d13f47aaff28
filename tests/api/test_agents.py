"""The catalog of agents over HTTP."""


def test_all_agents_are_listed_with_the_reason_if_unusable(client, application):
    personas = application.settings.data_dir / "personas"
    personas.mkdir()
    (personas / "critic.md").write_text("---\nname: Critic\n---\nJudge.\n", encoding="utf-8")
    (personas / "broken.md").write_text("no head", encoding="utf-8")
    listed = client.get("/api/v1/agents").json()["agents"]
    by_id = {agent["id"]: agent for agent in listed}
    assert [agent["id"] for agent in listed] == [agent.id for agent in application.agents.list()]
    assert by_id["critic"]["source"] == "yours"
    assert by_id["critic"]["problem"] is None
    assert "must start with a YAML header" in by_id["broken"]["problem"]
    assert by_id["data_analyst"]["tools"] == ["data"]


def test_an_agent_is_returned_by_id_and_revalidated_by_etag(client):
    answer = client.get("/api/v1/agents/data_analyst")
    assert answer.json()["workspaces"] == ["data"]
    again = client.get("/api/v1/agents/data_analyst", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v1/agents/nobody").status_code == 404
