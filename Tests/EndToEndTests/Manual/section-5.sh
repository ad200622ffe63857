# 列出任务
curl http://localhost:8080/api/tasks?status=pending

# 查看任务详情
curl http://localhost:8080/api/tasks/{task_id}

# 取消任务
curl -X DELETE http://localhost:8080/api/tasks/{task_id}

# 重新执行失败任务
curl -X POST http://localhost:8080/api/tasks/{task_id}/retry

# 查看Agent状态
curl http://localhost:8080/api/agents/status

# 禁用Agent
curl -X POST http://localhost:8080/api/agents/{agent_id}/disable

# 启用Agent
curl -X POST http://localhost:8080/api/agents/{agent_id}/enable

# 清理旧数据
curl -X POST http://localhost:8080/api/maintenance/cleanup?days=30
