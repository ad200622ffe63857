# 重启单个Agent
curl -X POST http://localhost:8080/api/agents/coder/restart

# 重启并清理缓存
curl -X POST http://localhost:8080/api/system/clear-cache
