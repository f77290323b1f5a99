"""What a person's program does with the client that openapi-python-client has made.

    flow.py http://ADDRESS EMAIL PASSWORD     with the package `duly_client` beside it
"""

import sys

from duly_client import AuthenticatedClient, Client
from duly_client.api.auth import (
    session_list, session_login, session_logout, session_refresh, token_create, user_export, user_me,
    user_register,
)
from duly_client.api.tasks import task_batch, task_create, task_delete, task_get, task_list, task_patch
from duly_client.models import (
    End, GrantType, Login, NewTokenView, Problem, Refresh, RefreshGrant, RoleView, ScopeView, TaskBatchBody,
    TaskBatchResult, TaskCreate, TaskCreateOperation, TaskCreateOperationOp, TaskDeleteOperation,
    TaskDeleteOperationOp, TaskMoveOperation, TaskMoveOperationOp, TaskPatch, TaskView, Token, TokenCreate,
    UserRegister, UserView,
)


def ask(operation, status, kind, *arguments, **options):
    """The answer, which must have this status and be read as this type."""
    answer = operation.sync_detailed(*arguments, **options)
    asked = operation.__name__.rsplit(".", 1)[1]
    assert answer.status_code == status, f"{asked}: {answer.status_code} {answer.content}"
    assert isinstance(answer.parsed, kind), f"{asked}: {answer.parsed!r}"
    return answer


def refused(operation, status, code, *arguments, **options):
    problem = ask(operation, status, Problem, *arguments, **options).parsed
    assert (problem.status, problem.code) == (status, code), problem
    assert problem.detail and problem.request_id


def main():
    url, email, password = sys.argv[1:]
    anybody = Client(base_url=url)

    def let_in(token):
        return AuthenticatedClient(base_url=url, token=token)

    registration = UserRegister(email=email, password=password)
    user = ask(user_register, 201, UserView, client=anybody, body=registration).parsed
    assert (user.email, user.role) == (email, RoleView.USER)
    refused(user_register, 409, "email_taken", client=anybody, body=registration)

    wrong = Login(username=email, password=password + "!")
    refused(session_login, 401, "wrong_credentials", client=anybody, body=wrong)
    login = Login(grant_type=GrantType.PASSWORD, username=email, password=password)
    first = ask(session_login, 200, Token, client=anybody, body=login).parsed
    refresh = Refresh(grant_type=RefreshGrant.REFRESH_TOKEN, refresh_token=first.refresh_token)
    second = ask(session_refresh, 200, Token, client=anybody, body=refresh).parsed
    assert second.refresh_token != first.refresh_token
    jane = let_in(second.access_token)
    assert ask(user_me, 200, UserView, client=jane).parsed == user
    refused(user_me, 401, "invalid_token", client=let_in("nonsense"))

    draft = TaskCreate(title="Ship portfolio", description="Polish the README")
    answer = ask(task_create, 201, TaskView, client=jane, body=draft)
    task = answer.parsed
    assert answer.headers["Location"] == f"/api/v1/tasks/{task.id}"
    assert (task.title, task.description, task.completed) == (draft.title, draft.description, False)
    assert task.owner_id == user.id and task.created_at.utcoffset().total_seconds() == 0
    refused(task_create, 422, "invalid", client=jane, body=TaskCreate(title=""))
    answer = ask(task_list, 200, list, client=jane, limit=1, completed=False)
    assert answer.parsed == [task] and answer.headers["X-Total-Count"] == "1"
    patch = TaskPatch(completed=True, description=None)
    changed = ask(task_patch, 200, TaskView, task.id, client=jane, body=patch).parsed
    assert (changed.title, changed.description, changed.completed) == (draft.title, None, True)
    assert ask(task_get, 200, TaskView, task.id, client=jane).parsed == changed
    made = [TaskCreateOperation(op=TaskCreateOperationOp.CREATE, task=TaskCreate(title="Pack"))]
    results = ask(task_batch, 200, TaskBatchResult, client=jane, body=TaskBatchBody(operations=made)).parsed.results
    packed = results[0].task
    tidy = [
        TaskMoveOperation(op=TaskMoveOperationOp.MOVE, id=packed.id, to=End.FIRST),
        TaskDeleteOperation(op=TaskDeleteOperationOp.DELETE, id=packed.id),
    ]
    results = ask(task_batch, 200, TaskBatchResult, client=jane, body=TaskBatchBody(operations=tidy)).parsed.results
    assert [result.status for result in results] == [200, 204] and results[1].deleted == 1

    wanted = TokenCreate(name="reader", scopes=[ScopeView.TASKSREAD])
    made = ask(token_create, 201, NewTokenView, client=jane, body=wanted).parsed
    assert made.scopes == wanted.scopes and made.expires_at is None
    reader = let_in(made.token)
    assert ask(task_list, 200, list, client=reader).parsed == [changed]
    refused(task_create, 403, "insufficient_scope", client=reader, body=draft)
    refused(task_delete, 403, "insufficient_scope", task.id, client=reader)

    ask(task_delete, 204, type(None), task.id, client=jane)
    refused(task_get, 404, "not_found", task.id, client=jane)

    sessions = ask(session_list, 200, list, client=jane).parsed
    assert [session.current for session in sessions] == [True], sessions
    lines = ask(user_export, 200, str, client=jane).parsed.splitlines()
    assert len(lines) >= 4, lines
    ask(session_logout, 204, type(None), client=jane)
    refused(user_me, 401, "invalid_token", client=jane)
    refused(session_refresh, 400, "invalid_grant", client=anybody, body=refresh)


if __name__ == "__main__":
    main()
