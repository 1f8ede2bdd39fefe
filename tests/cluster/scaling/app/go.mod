module podlift.example/app

go 1.21
